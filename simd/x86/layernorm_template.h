/* Template: LayerNorm of rows, three passes over each; gives norm_rows().

   Parameters, the passes over one row, which the kernel defines after it has included this (declared below):
     moments()      sum, least and largest of s
     scale_row()    stores d16 (see tern_layernorm_fn) in `d16` and returns the sum of its squares; `right`: shift > 0
     finish_row()   y holds d16 and receives the result, x receives n16
   Included by layernorm_passes_template.h and layernorm_avx512bw.c.

   Three passes over a row in L1 suffice where the reference takes four, because s - mean is monotone in s: the largest
   and the smallest s give max|d|. Monotone means that no sum wraps; a row that spreads over 2^30 and more is left to
   the reference. */
#ifndef TERN_X86_LAYERNORM_TEMPLATE_H
#define TERN_X86_LAYERNORM_TEMPLATE_H

#include "simd/table.h"

struct moments {
    int64_t sum;
    int32_t min, max;
};

/* The ways to find rshift(d16 * mul, exp). From 16 on the upper half of the product decides, as floor(floor(x / 2^16) /
   2^k) is floor(x / 2^(16 + k)): with exp = 16 the half is the lower half's top bit, with more it is added to the upper
   one. No result is below -32767 then. */
enum reach { UP_TO_15, AT_16, FROM_17 };

static struct moments moments(const int32_t *s, int n);
static ALWAYS_INLINE uint64_t scale_row(const int32_t *s, uint32_t mean, int shift, const int right, int16_t *d16,
                                        int n);
static ALWAYS_INLINE void finish_row(struct tern_layernorm_scale unit, const enum reach reach, const int16_t *gamma,
                                     const int16_t *beta, int16_t *y, int16_t *x, int n);

/* What is known of a row between the passes. */
struct line {
    int64_t mean, high, low; /* largest and smallest s - mean */
    int shift, wide;         /* wide: left to the reference */
    struct tern_layernorm_scale unit;
};

static struct line line_of(const int32_t *s, int rms, int n)
{
    const struct moments m = moments(s, n);
    const int64_t mean = rms ? 0 : tern_floor_div(m.sum + n / 2, n), high = m.max - mean, low = m.min - mean;
    const struct line l = {.mean = mean, .high = high, .low = low, .wide = high >= 1 << 30 || low <= -(1 << 30)};
    return l;
}

static void scale_line(struct line *l, const int32_t *s, uint64_t eps, int16_t *y, int n)
{
    const uint32_t dmax = (uint32_t)(l->high > -l->low ? l->high : -l->low);
    l->shift = dmax ? tern_layernorm_shift(dmax) : 0;
    const uint64_t sum2 = l->shift > 0 ? scale_row(s, (uint32_t)l->mean, l->shift, 1, y, n)
                                       : scale_row(s, (uint32_t)l->mean, l->shift, 0, y, n);
    const struct tern_layernorm_scale constant = {0, 14};
    l->unit = dmax ? tern_layernorm_scale_of(sum2, eps, l->shift) : constant;
}

static void finish_line(const struct line *l, const int16_t *gamma, const int16_t *beta, int16_t *y, int16_t *x, int n)
{
    if (l->unit.exp > 16)
        finish_row(l->unit, FROM_17, gamma, beta, y, x, n);
    else if (l->unit.exp == 16)
        finish_row(l->unit, AT_16, gamma, beta, y, x, n);
    else
        finish_row(l->unit, UP_TO_15, gamma, beta, y, x, n);
}

/* Rows that go through each pass together: what ends a pass, sums across lanes and a root, is a chain of steps that
   wait for each other, which the next row's loop hides (AVX-512, n = 768, Zen 5: 47 of 116 ns were such waiting). */
enum { TOGETHER = 4 };

static void norm_rows(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps, int rms,
                      int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    for (; m > 0; m -= TOGETHER, s += TOGETHER * ld, y += TOGETHER * ld, x += TOGETHER * ld_x) {
        struct line line[TOGETHER];
        const int rows = m < TOGETHER ? m : TOGETHER;
        for (int i = 0; i < rows; i++)
            line[i] = line_of(s + i * ld, rms, n);
        for (int i = 0; i < rows; i++)
            if (!line[i].wide)
                scale_line(&line[i], s + i * ld, eps, y + i * ld, n);
        for (int i = 0; i < rows; i++)
            if (!line[i].wide)
                finish_line(&line[i], gamma, beta, y + i * ld, x + i * ld_x, n);
            else
                tern_layernorm_ref(s + i * ld, ld, gamma, beta, eps, rms, y + i * ld, x + i * ld_x, ld_x, 1, n);
    }
}

#endif
