/* Adds accumulators to the residual stream with NEON, eight columns at a time. a * mul <= 2^30, but the sums around it
   wrap as the reference's do. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

struct factors {
    struct tern_neon_rshift shift, exp;
    int16x8_t mul;
    int32x4_t up;
};

TERN_INLINE void residual8(const int32_t *acc, const int16_t *y, int32_t *out, const struct factors *f,
                           const int32_t *left, const int16_t *mul, const int32_t *bias)
{
    int16x8_t a = tern_neon_narrow(tern_neon_shifted(acc, left, 0), tern_neon_shifted(acc, left, 4), f->shift);
    int16x8_t factor = vqrdmulhq_s16(vld1q_s16(mul), f->mul), old = vld1q_s16(y);
    int32x4_t low = tern_neon_rshift(vmull_s16(vget_low_s16(a), vget_low_s16(factor)), f->exp);
    int32x4_t high = tern_neon_rshift(vmull_high_s16(a, factor), f->exp);
    low = tern_neon_add32(low, vshlq_s32(vmovl_s16(vget_low_s16(old)), f->up));
    high = tern_neon_add32(high, vshlq_s32(vmovl_high_s16(old), f->up));
    vst1q_s32(out, tern_neon_add32(low, vld1q_s32(bias)));
    vst1q_s32(out + 4, tern_neon_add32(high, vld1q_s32(bias + 4)));
}

void tern_residual_neon(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                        ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                        const int32_t *bias, int up, int m, int n)
{
    for (int i = 0; i < m; i++, acc += ld_acc, y += ld_y, out += ld_out) {
        struct factors f = {tern_neon_rshift_by(row[i].shift), tern_neon_rshift_by(row[i].exp),
                            vdupq_n_s16((int16_t)row[i].mul), vdupq_n_s32(up)};
        int j = 0;
        for (; j + 8 <= n; j += 8)
            residual8(acc + j, y + j, out + j, &f, left ? left + j : NULL, mul + j, bias + j);
        for (; j < n; j++)
            out[j] = tern_residual1(tern_shifted(acc, left, j), y[j], &row[i], mul[j], bias[j], up);
    }
}
