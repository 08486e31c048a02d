/* Sums of rows that have exponents with NEON, four columns at a time. vrshl shifts 64 bits by a register, to the left
   or rounding to the right. A term is below 2^62; vqmovn cuts the first one to 32 bits before it is cut to 30. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

/* Two halves of 64 bits. */
struct wide {
    int64x2_t low, high;
};

/* a * b, shifted. */
TERN_INLINE struct wide product(int32x4_t a, int32x4_t b, int64x2_t shift)
{
    const struct wide w = {vrshlq_s64(vmull_s32(vget_low_s32(a), vget_low_s32(b)), shift),
                           vrshlq_s64(vmull_s32(vget_high_s32(a), vget_high_s32(b)), shift)};
    return w;
}

TERN_INLINE int32x4_t lower_halves(struct wide w)
{
    return vcombine_s32(vmovn_s64(w.low), vmovn_s64(w.high));
}

/* Within 2^30 of either sign. */
TERN_INLINE int32x4_t clamped(struct wide w)
{
    const int32x4_t all = vcombine_s32(vqmovn_s64(w.low), vqmovn_s64(w.high));
    return vmaxq_s32(vminq_s32(all, vdupq_n_s32(1 << 30)), vdupq_n_s32(-(1 << 30)));
}

void tern_scaled_neon(const int32_t *acc, int32_t *sum, const int16_t *mul, const int16_t *gamma, const int32_t *bias,
                      const struct tern_scaled_scale *scale, int n)
{
    const int64x2_t down = vdupq_n_s64(-scale->down), by = vdupq_n_s64(-scale->product),
                    added = vdupq_n_s64(-scale->added);
    const int32x4_t factor = vdupq_n_s32(scale->factor), lower = vdupq_n_s32(-scale->bias);
    int j = 0;
    for (; j + 4 <= n; j += 4) {
        const int32x4_t t = clamped(product(vld1q_s32(acc + j), vmovl_s16(vld1_s16(mul + j)), down));
        int32x4_t s = vaddq_s32(lower_halves(product(t, factor, by)), vrshlq_s32(vld1q_s32(bias + j), lower));
        if (scale->added >= 0) {
            const int32x4_t g = gamma ? vmovl_s16(vld1_s16(gamma + j)) : vdupq_n_s32(1);
            s = vaddq_s32(s, lower_halves(product(vld1q_s32(sum + j), g, added)));
        }
        vst1q_s32(sum + j, s);
    }
    for (; j < n; j++)
        sum[j] = tern_scaled1(acc[j], sum[j], mul[j], gamma ? gamma[j] : 1, bias[j], scale);
}
