#include "quant/linear.h"

#include "quant/bounds.h"
#include "quant/scheme.h"

/* The smallest right shift that takes |acc| <= sqrt(norm2_x * norm2_w) into int16 (Cauchy-Schwarz). */
static int safe_shift(int32_t norm2_x, int32_t norm2_w)
{
    int bits = tern_bits((uint64_t)(uint32_t)norm2_x * (uint32_t)norm2_w);
    return bits <= 30 ? 0 : (bits - 30 + 1) / 2;
}

struct tern_row_scale tern_requant_scale(const struct tern_linear *w, struct tern_row row)
{
    struct tern_row_scale s = {safe_shift(row.norm2, w->wnorm2), 0, 0};
    int64_t mul = tern_real_apply((uint32_t)row.amax, w->kappa, 15 + s.shift, INT32_MAX);
    /* A multiplier of 1 or more says that the row's own bound is above the output's: only values that cannot occur
       are lost by shifting less. */
    while (mul > 32767 && s.shift > 0)
        mul = tern_real_apply((uint32_t)row.amax, w->kappa, 15 + --s.shift, INT32_MAX);
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    return s;
}

struct tern_row_scale tern_residual_scale(const struct tern_linear *w, struct tern_row row)
{
    struct tern_row_scale s = {safe_shift(row.norm2, w->wnorm2), 0, 0};
    uint64_t v = (uint64_t)(uint32_t)row.amax * (uint32_t)w->kappa.mul;
    int bits = tern_bits(v);
    if (bits < 16) /* amax or kappa is 0 */
        return s;
    uint64_t mul = (v + (1ull << (bits - 16))) >> (bits - 15); /* 15 bits, or 2^15 by rounding */
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    s.exp = 15 - bits - s.shift + w->kappa.exp;
    if (s.exp < 0) { /* conversion chooses `up` so that this cannot happen */
        s.exp = 0;
        s.mul = 32767;
    } else if (s.exp > 31) {
        s.mul = s.exp - 31 > 15 ? 0 : s.mul >> (s.exp - 31);
        s.exp = 31;
    }
    return s;
}

struct tern_row_scale tern_context_scale(int32_t psum, int32_t amax)
{
    int32_t bound = 127 * psum; /* |acc| <= bound */
    struct tern_row_scale s = {0, 0, 0};
    int shift = tern_bits((uint64_t)bound) - 15;
    s.shift = shift > 0 ? shift : 0;
    int64_t mul = ((int64_t)amax << (15 + s.shift)) / bound;
    for (; mul > 32767 && s.shift > 0; s.shift--) /* half of the floor is the floor of the half */
        mul >>= 1;
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    return s;
}

struct tern_row_scale tern_score_scale(int32_t amax_q, int32_t amax_k, struct tern_real unit)
{
    struct tern_row_scale s = {0, 0, 0};
    uint64_t v = (uint64_t)((uint32_t)amax_q * (uint32_t)amax_k) * (uint32_t)unit.mul; /* < 2^61 */
    int bits = tern_bits(v);
    if (bits < 16) /* all scores are equal */
        return s;
    uint64_t mul = (v + (1ull << (bits - 16))) >> (bits - 15);
    s.mul = mul > 32767 ? 32767 : (int32_t)mul;
    s.shift = unit.exp - bits;
    if (s.shift < -8) {
        s.shift = -8;
        s.mul = 32767;
    } else if (s.shift > 31) { /* differences too small to matter */
        s.shift = 31;
        s.mul = 0;
    }
    return s;
}

/* ---- Tiles: accumulators of some rows and panels in L1, then their epilogue ------------------------------------ */

struct job {
    const struct tern_runner *run;
    enum tern_stage stage;
    const struct tern_linear *const *w;
    int16_t *const *out; /* requant */
    int32_t *sum;        /* residual */
    const int16_t *y;
    ptrdiff_t ld;
    const struct tern_rows *x;
    int width;         /* panels of a task */
    int first_task[4]; /* of each matrix */
    int count;
};

static int quotient_up(int a, int b)
{
    return (a + b - 1) / b;
}

/* Matrices, widest task and threads decide the width: the one whose busiest thread has the fewest panels, the wider of
   equals. At least two panels, which are a cache line of int16. Returns the number of tasks. */
static int split(struct job *j)
{
    const int threads = tern_pool_threads(j->run->pool);
    int tasks = 0, least = INT32_MAX;
    for (int width = TERN_TILE_PANELS; width >= 2; width /= 2) {
        int all = 0;
        for (int i = 0; i < j->count; i++)
            all += quotient_up(tern_panels(j->w[i]->n), width);
        const int busiest = quotient_up(all, threads) * width;
        if (busiest < least) {
            least = busiest;
            j->width = width;
        }
    }
    for (int i = 0; i < j->count; i++) {
        j->first_task[i] = tasks;
        tasks += quotient_up(tern_panels(j->w[i]->n), j->width);
    }
    return tasks;
}

static void epilogue(const struct job *j, int which, const int32_t *tile, int first_row, int rows, int column,
                     int width)
{
    const struct tern_linear *w = j->w[which];
    const struct tern_row_scale *scale = j->run->scale + (ptrdiff_t)which * j->x->m + first_row;
    const ptrdiff_t at = first_row * j->ld + column, ld_tile = TERN_TILE_PANELS * TERN_PANEL;
    if (j->out)
        j->run->ops->requant(tile, ld_tile, j->out[which] + at, j->ld, scale, w->mul + column, w->bias16 + column, rows,
                             width);
    else
        j->run->ops->residual(tile, ld_tile, j->y + at, j->ld, j->sum + at, j->ld, scale, w->mul + column,
                              w->bias32 + column, w->up, rows, width);
}

/* One task is some panels of a matrix for all rows: their weights are read from memory once and stay in L2. */
static void panels_task(void *context, int task, int thread)
{
    const struct job *j = context;
    int which = 0;
    while (which + 1 < j->count && task >= j->first_task[which + 1])
        which++;
    const struct tern_linear *w = j->w[which];
    int k4 = tern_k4(w->k), panel = (task - j->first_task[which]) * j->width;
    int panels = tern_panels(w->n) - panel;
    panels = panels < j->width ? panels : j->width;
    int column = panel * TERN_PANEL, width = w->n - column;
    width = width < panels * TERN_PANEL ? width : panels * TERN_PANEL;
    const int8_t *b = w->weight + (ptrdiff_t)panel * k4 * TERN_PANEL * TERN_PANEL_K;
    int32_t *tile = j->run->tile + (ptrdiff_t)thread * TERN_TILE;
    int64_t time = tern_profile_start(j->run->profile), bytes = (int64_t)panels * TERN_PANEL * k4 * TERN_PANEL_K;
    const int output = j->out ? 2 : 6; /* bytes per value that the epilogue writes, and the stream that it reads */

    for (int i = 0; i < j->x->m; i += TERN_TILE_ROWS) {
        int rows = j->x->m - i < TERN_TILE_ROWS ? j->x->m - i : TERN_TILE_ROWS;
        j->run->ops->gemm_s8(j->x->q + i * j->x->ld, j->x->ld, b, tile, TERN_TILE_PANELS * TERN_PANEL, rows, panels,
                             k4);
        const int64_t values = (int64_t)rows * width;
        time = tern_profile_charge(j->run->profile, thread, j->stage, time, values * w->k,
                                   bytes + (int64_t)rows * w->k + 4 * values);
        bytes = 0; /* the weights count once */
        epilogue(j, which, tile, i, rows, column, width);
        time = tern_profile_charge(j->run->profile, thread, j->out ? TERN_STAGE_requant : TERN_STAGE_residual, time, 0,
                                   (4 + output) * values);
    }
}

void tern_linear_run(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *const *w,
                     int16_t *const *out, int count, ptrdiff_t ld_out, const struct tern_rows *x)
{
    struct job j = {.run = run, .stage = stage, .w = w, .out = out, .ld = ld_out, .x = x, .count = count};
    for (int i = 0; i < count; i++)
        for (int r = 0; r < x->m; r++)
            run->scale[(ptrdiff_t)i * x->m + r] = tern_requant_scale(w[i], x->row[r]);
    tern_pool_run(run->pool, panels_task, &j, split(&j));
}

void tern_linear_residual(const struct tern_runner *run, enum tern_stage stage, const struct tern_linear *w,
                          int32_t *sum, const int16_t *y, ptrdiff_t ld, const struct tern_rows *x)
{
    struct job j = {.run = run, .stage = stage, .w = &w, .sum = sum, .y = y, .ld = ld, .x = x, .count = 1};
    for (int r = 0; r < x->m; r++)
        run->scale[r] = tern_residual_scale(w, x->row[r]);
    tern_pool_run(run->pool, panels_task, &j, split(&j));
}

/* acc * amax * mul[j] / 2^15 * kappa in Q16. The product is brought to 31 bits before the last multiplication. */
static int32_t logit(const struct tern_linear *w, int32_t acc, int32_t amax, int j)
{
    int64_t t = tern_rshift64((int64_t)acc * amax * w->mul[j], 15); /* |acc * amax| < 2^46, times mul < 2^61 */
    int down = tern_bits((uint64_t)(t < 0 ? -t : t)) - 31;
    t = down > 0 ? tern_rshift64(t, down) : t;
    int shift = w->kappa.exp - TERN_LOGIT_BITS - (down > 0 ? down : 0);
    t *= w->kappa.mul; /* <= 2^62 */
    t = shift > 62 ? 0 : shift >= 0 ? tern_rshift64(t, shift) : t > 0 ? INT32_MAX : t < 0 ? INT32_MIN + 1 : 0;
    t += w->bias32[j];
    return t > INT32_MAX ? INT32_MAX : t < -INT32_MAX ? -INT32_MAX : (int32_t)t;
}

void tern_linear_logits(const struct tern_runner *run, const struct tern_linear *w, int32_t *q16, int32_t *acc,
                        const struct tern_rows *x)
{
    int panels = tern_panels(w->n);
    for (int i = 0; i < x->m; i++) {
        run->ops->gemm_s8(x->q + i * x->ld, x->ld, w->weight, acc, panels * TERN_PANEL, 1, panels, tern_k4(w->k));
        for (int j = 0; j < w->n; j++)
            q16[(ptrdiff_t)i * w->n + j] = logit(w, acc[j], x->row[i].amax, j);
    }
}
