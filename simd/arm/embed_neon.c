/* Adds a word's row and a position's with NEON, eight columns at a time, int8 widened to meet the rows' multipliers.
   vrshrn rounds in wider precision than the reference; 2 * 127 * 32767 + 128 does not wrap, so they agree, and the
   result fits 16 bits. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

void tern_embed_neon(const int8_t *a, const int8_t *b, int mul_a, int mul_b, const int16_t *column, int32_t *out, int n)
{
    const int16x4_t mul = vdup_n_s16((int16_t)mul_a), mul2 = vdup_n_s16((int16_t)mul_b);
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        int16x8_t x = vmovl_s8(vld1_s8(a + j)), y = vmovl_s8(vld1_s8(b + j)), factor = vld1q_s16(column + j);
        int32x4_t low = vmlal_s16(vmull_s16(vget_low_s16(x), mul), vget_low_s16(y), mul2);
        int32x4_t high = vmlal_s16(vmull_s16(vget_high_s16(x), mul), vget_high_s16(y), mul2);
        vst1q_s32(out + j, vmull_s16(vrshrn_n_s32(low, 8), vget_low_s16(factor)));
        vst1q_s32(out + j + 4, vmull_s16(vrshrn_n_s32(high, 8), vget_high_s16(factor)));
    }
    for (; j < n; j++)
        out[j] = tern_embed1(a[j], b[j], mul_a, mul_b, column[j]);
}
