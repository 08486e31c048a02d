/* Quantises rows whose outlier columns stand several times: the op `quantize`, and scalars for the few columns. */
#include "models/copies.h"

const char *tern_copies_fault(const struct tern_copies *c, int k)
{
    int times = 1;
    for (int i = 0; i < c->count; i++) {
        if (c->column[i] >= k)
            return "repeats a column that does not exist";
        if (i > 0 && c->column[i] < c->column[i - 1])
            return "is not in rising order";
        times = i > 0 && c->column[i] == c->column[i - 1] ? times + 1 : 2;
        if (times > TERN_MAX_TIMES)
            return "repeats a column too often";
    }
    return NULL;
}

/* Quotients of 0 <= x <= 2^15 + 64 by r <= 64 are x * (2^24 / r + 1) / 2^24: the reciprocal is off by less than 1,
   which adds less than 1 / r. A division takes 20 cycles and more where boards are small. */
void tern_outliers_of(struct tern_outliers *out, const struct tern_copies *c)
{
    out->n = 0;
    out->copies = c->count;
    for (int i = 0; i < c->count; i++) {
        struct tern_outlier *o = &out->outlier[out->n];
        if (i > 0 && c->column[i] == c->column[i - 1])
            o = &out->outlier[out->n - 1];
        else
            *o = (struct tern_outlier){c->column[i], (uint16_t)i, 1, 0}, out->n++;
        o->times++;
        o->reciprocal = (1u << 24) / o->times + 1;
    }
}

static inline uint32_t quotient(uint32_t x, const struct tern_outlier *o)
{
    return (uint32_t)((uint64_t)x * o->reciprocal >> 24);
}

/* x in steps of the scale. |x| <= r * amax makes it at most 127 r: amax << shift times mul is 127 * 2^22 but for half
   of amax << shift, so that 127 * 128 r is missed by r / 2 + 1 at most, and 64 more do not reach the next 128. */
static inline int32_t steps(int32_t x, struct tern_s8_scale s)
{
    return (int32_t)((tern_rshift64((int64_t)x * (1 << s.shift) * s.mul, 15) + 64) >> 7);
}
_Static_assert(TERN_MAX_TIMES / 2 + 1 + 64 < 128, "parts stay within +-127");

void tern_quantize_outliers(const struct tern_ops *ops, const struct tern_outliers *all, int16_t *x, int8_t *q,
                            struct tern_row *row, int k)
{
    int16_t saved[TERN_MAX_COPIES];
    for (int i = 0; i < all->n; i++) {
        const struct tern_outlier *o = &all->outlier[i];
        const int32_t value = x[o->column], sign = value >> 31;
        const int32_t share = (int32_t)quotient((uint32_t)((value ^ sign) - sign) + o->times - 1, o);
        saved[i] = (int16_t)value;
        x[o->column] = (int16_t)((share ^ sign) - sign);
    }
    ops->quantize(x, q, row, k);
    const struct tern_s8_scale scale = tern_s8_scale_of(row->amax);
    int32_t norm2 = row->norm2;
    for (int i = 0; i < all->n; i++) {
        const struct tern_outlier *o = &all->outlier[i];
        const int32_t times = (int32_t)o->times, above = steps(saved[i], scale) + 127 * times;
        const int32_t whole = (int32_t)quotient((uint32_t)above, o), least = whole - 127;
        const int32_t more = above - whole * times; /* of the parts, the last ones, are one more */
        const int8_t before = q[o->column];
        int8_t *const copy = q + k + o->first;
        norm2 += times * least * least + more * (2 * least + 1) - before * before;
        q[o->column] = (int8_t)least;
        for (int part = 1; part < times; part++)
            copy[part - 1] = (int8_t)(least + (part >= times - more));
        x[o->column] = saved[i];
    }
    row->norm2 = norm2;
    for (int j = k + all->copies; j < tern_round_up(k + all->copies, TERN_PANEL_K); j++)
        q[j] = 0;
}
