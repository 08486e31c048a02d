/* Finds a tensor of an expected type and shape in a .tern file, for load_int8.c and load_f32.c. */
#include "models/load.h"

#include "models/format.h"
#include "simd/ops.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void tern_load_fail(struct tern_loader *l, const char *name, const char *what)
{
    if (!l->status)
        l->status = tern_fail(l->err, TERN_FORMAT, "%s: tensor %s%s %s", l->label, l->prefix, name, what);
}

const void *tern_load_tensor(struct tern_loader *l, const char *name, enum tern_dtype dtype, int n_dims,
                             const int64_t *shape)
{
    char full[128];
    const size_t prefix = strlen(l->prefix), n = strlen(name);
    /* snprintf would take longer than the look-up. */
    memcpy(full, l->prefix, prefix < sizeof full ? prefix : 0);
    if (prefix + n < sizeof full)
        memcpy(full + prefix, name, n + 1);
    else
        *full = 0; /* no tensor has such a name */
    const struct tern_tensor *t = tern_safetensors_find(l->st, full);
    if (!t) {
        tern_load_fail(l, name, "is missing");
        return NULL;
    }
    int same = t->dtype == dtype && t->n_dims == n_dims;
    for (int i = 0; same && i < n_dims; i++)
        same = t->shape[i] == shape[i];
    if (!same) {
        char want[96];
        int used = snprintf(want, sizeof want, "has the wrong type or shape; expected %s [", tern_dtype_name(dtype));
        for (int i = 0; i < n_dims && used < (int)sizeof want; i++)
            used += snprintf(want + used, sizeof want - (size_t)used, i ? ", %" PRId64 : "%" PRId64, shape[i]);
        if (used < (int)sizeof want)
            snprintf(want + used, sizeof want - (size_t)used, "]");
        tern_load_fail(l, name, want);
        return NULL;
    }
    if ((uintptr_t)t->data % 64) {
        tern_load_fail(l, name, "is not aligned to 64 bytes");
        return NULL;
    }
    return l->status ? NULL : t->data;
}

/* NAME(values, n, &least, &most) of n > 0 numbers. Blocks have a length that compilers know: with any instruction set
   they compare many at a time, which a loop that ends at the first wrong number cannot. */
#define EXTREMES(name, type)                                                                                           \
    static void name(const type *v, size_t n, type *least, type *most)                                                 \
    {                                                                                                                  \
        enum { BLOCK = 64 / sizeof(type) };                                                                            \
        type low[BLOCK], high[BLOCK];                                                                                  \
        size_t i = 0;                                                                                                  \
        for (size_t j = 0; j < BLOCK; j++)                                                                             \
            low[j] = high[j] = v[0];                                                                                   \
        for (; n - i >= BLOCK; i += BLOCK)                                                                             \
            for (size_t j = 0; j < BLOCK; j++) {                                                                       \
                low[j] = v[i + j] < low[j] ? v[i + j] : low[j];                                                        \
                high[j] = v[i + j] > high[j] ? v[i + j] : high[j];                                                     \
            }                                                                                                          \
        for (; i < n; i++) {                                                                                           \
            low[0] = v[i] < low[0] ? v[i] : low[0];                                                                    \
            high[0] = v[i] > high[0] ? v[i] : high[0];                                                                 \
        }                                                                                                              \
        for (size_t j = 1; j < BLOCK; j++) {                                                                           \
            low[0] = low[j] < low[0] ? low[j] : low[0];                                                                \
            high[0] = high[j] > high[0] ? high[j] : high[0];                                                           \
        }                                                                                                              \
        *least = low[0];                                                                                               \
        *most = high[0];                                                                                               \
    }
EXTREMES(extremes_u8, uint8_t)
EXTREMES(extremes_s8, int8_t)
EXTREMES(extremes_i16, int16_t)

const int16_t *tern_load_i16(struct tern_loader *l, const char *name, int count, int least)
{
    const int64_t shape = tern_round_up(count, TERN_PARAM16);
    const int16_t *data = tern_load_tensor(l, name, TERN_I16, 1, &shape);
    int16_t low = 0, high;
    if (data && count > 0)
        extremes_i16(data, (size_t)count, &low, &high);
    if (low < least)
        tern_load_fail(l, name, "holds a number out of range");
    return data;
}

const uint8_t *tern_load_multipliers(struct tern_loader *l, const char *name, int64_t count, int most)
{
    const int64_t shape = (count + 63) / 64 * 64;
    const uint8_t *data = tern_load_tensor(l, name, TERN_U8, 1, &shape);
    uint8_t low = 1, high = 1;
    if (data && count > 0)
        extremes_u8(data, (size_t)count, &low, &high);
    if (low < 1 || high > most)
        tern_load_fail(l, name, "holds a multiplier out of range");
    return data;
}

const int8_t *tern_load_s8(struct tern_loader *l, const char *name, int n_dims, const int64_t *shape)
{
    const int8_t *data = tern_load_tensor(l, name, TERN_I8, n_dims, shape);
    size_t bytes = 1;
    for (int i = 0; i < n_dims; i++)
        bytes *= (size_t)shape[i]; /* the container has checked the product */
    if (data && memchr(data, 0x80, bytes))
        tern_load_fail(l, name, "holds a weight of -128; the range is -127 to 127");
    return data;
}

const int8_t *tern_load_bounded(struct tern_loader *l, const char *name, int n_dims, const int64_t *shape, int bound)
{
    const int8_t *data = tern_load_s8(l, name, n_dims, shape);
    size_t bytes = 1;
    for (int i = 0; i < n_dims; i++)
        bytes *= (size_t)shape[i];
    int8_t low = 0, high = 0;
    if (data && bound < 127 && bytes)
        extremes_s8(data, bytes, &low, &high);
    if (low < -bound || high > bound) {
        char what[80];
        snprintf(what, sizeof what, "holds a weight beyond its format; the range is -%d to %d", bound, bound);
        tern_load_fail(l, name, what);
    }
    return data;
}

const void *tern_load_params(struct tern_loader *l, const char *name)
{
    const int64_t shape = TERN_PARAM32;
    return tern_load_tensor(l, name, TERN_I32, 1, &shape);
}
