/* Brings accumulators to int16 with NEON, eight columns at a time; the row's factor is folded into the column's on the
   fly, one instruction per eight. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

TERN_INLINE void requant8(const int32_t *acc, int16_t *out, struct tern_neon_rshift shift, int16x8_t row_mul,
                          const int32_t *left, const int16_t *mul, const int16_t *bias)
{
    int16x8_t a = tern_neon_narrow(tern_neon_shifted(acc, left, 0), tern_neon_shifted(acc, left, 4), shift);
    a = vqrdmulhq_s16(a, vqrdmulhq_s16(vld1q_s16(mul), row_mul));
    vst1q_s16(out, vmaxq_s16(vqaddq_s16(a, vld1q_s16(bias)), vdupq_n_s16(-32767)));
}

void tern_requant_neon(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                       const struct tern_row_scale *row, const int32_t *left, const int16_t *mul, const int16_t *bias,
                       int m, int n)
{
    for (int i = 0; i < m; i++, acc += ld_acc, out += ld_out) {
        struct tern_neon_rshift shift = tern_neon_rshift_by(row[i].shift);
        int16x8_t row_mul = vdupq_n_s16((int16_t)row[i].mul);
        int j = 0;
        for (; j + 16 <= n; j += 16) {
            requant8(acc + j, out + j, shift, row_mul, left ? left + j : NULL, mul + j, bias + j);
            requant8(acc + j + 8, out + j + 8, shift, row_mul, left ? left + j + 8 : NULL, mul + j + 8, bias + j + 8);
        }
        for (; j + 8 <= n; j += 8)
            requant8(acc + j, out + j, shift, row_mul, left ? left + j : NULL, mul + j, bias + j);
        for (; j < n; j++)
            out[j] = tern_requant1(tern_shifted(acc, left, j), &row[i], mul[j], bias[j]);
    }
}
