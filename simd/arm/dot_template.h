/* One int8 vector against many on ARM: the body of dot_s8_neon.c and dot_s8_dotprod.c, which include it once each.
   Parameter: dot_add(sum, x, q), which adds sixteen products to four sums.

   Four rows share the loads of q. What is left of a row's columns is added one by one. */
#ifndef TERN_ARM_DOT_TEMPLATE_H
#define TERN_ARM_DOT_TEMPLATE_H

#include "simd/arm/neon.h"

TERN_INLINE int32_t dot_rest(int32_t sum, const int8_t *q, const int8_t *x, int j, int k)
{
    for (; j < k; j++)
        sum += q[j] * x[j];
    return sum;
}

TERN_INLINE void dot_rows(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    const int32x4_t zero = vdupq_n_s32(0);
    int i = 0;
    for (; i + 4 <= n; i += 4, x += 4 * ld_x) {
        const int8_t *x1 = x + ld_x, *x2 = x1 + ld_x, *x3 = x2 + ld_x;
        int32x4_t s0 = zero, s1 = zero, s2 = zero, s3 = zero;
        int j = 0;
        for (; j + 16 <= k; j += 16) {
            const int8x16_t y = vld1q_s8(q + j);
            s0 = dot_add(s0, vld1q_s8(x + j), y);
            s1 = dot_add(s1, vld1q_s8(x1 + j), y);
            s2 = dot_add(s2, vld1q_s8(x2 + j), y);
            s3 = dot_add(s3, vld1q_s8(x3 + j), y);
        }
        vst1q_s32(out + i, vpaddq_s32(vpaddq_s32(s0, s1), vpaddq_s32(s2, s3)));
        if (j < k) {
            out[i] = dot_rest(out[i], q, x, j, k);
            out[i + 1] = dot_rest(out[i + 1], q, x1, j, k);
            out[i + 2] = dot_rest(out[i + 2], q, x2, j, k);
            out[i + 3] = dot_rest(out[i + 3], q, x3, j, k);
        }
    }
    for (; i < n; i++, x += ld_x) {
        int32x4_t sum = zero;
        int j = 0;
        for (; j + 16 <= k; j += 16)
            sum = dot_add(sum, vld1q_s8(x + j), vld1q_s8(q + j));
        out[i] = dot_rest(vaddvq_s32(sum), q, x, j, k);
    }
}

#endif
