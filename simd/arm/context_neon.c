/* Brings attention's sums of values to int16 with NEON, eight columns at a time, as requant does. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

TERN_INLINE int32x4_t sum4(const int32_t *high, const int32_t *low)
{
    return tern_neon_add32(vshlq_n_s32(vld1q_s32(high), TERN_P_LOW_BITS), vld1q_s32(low));
}

void tern_context_neon(const int32_t *high, const int32_t *low, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                       const struct tern_row_scale *row, int m, int n)
{
    for (int i = 0; i < m; i++, high += ld_acc, low += ld_acc, out += ld_out) {
        struct tern_neon_rshift shift = tern_neon_rshift_by(row[i].shift);
        int16x8_t mul = vdupq_n_s16((int16_t)row[i].mul);
        int j = 0;
        for (; j + 8 <= n; j += 8) {
            int16x8_t a = tern_neon_narrow(sum4(high + j, low + j), sum4(high + j + 4, low + j + 4), shift);
            vst1q_s16(out + j, vqrdmulhq_s16(a, mul));
        }
        for (; j < n; j++)
            out[j] = tern_context1(high[j], low[j], &row[i]);
    }
}
