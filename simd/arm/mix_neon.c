/* Adds a row to accumulators whose panels have units of their own with NEON, 4 at a time. The 64-bit sums are made
   twice, for the shift and to be shifted. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

struct terms {
    uint32x2_t mul;
    uint64x2_t half;
    int64x2_t exp;
};
struct sums {
    int64x2_t low, high;
};

/* y's term of two columns added to a product, negated where `sign` is all ones. */
TERN_INLINE int64x2_t plus_own(int64x2_t product, uint32x2_t magnitude, int32x2_t sign, struct terms t)
{
    const int64x2_t x = vreinterpretq_s64_u64(vshlq_u64(vaddq_u64(vmull_u32(magnitude, t.mul), t.half), t.exp)),
                    all = vmovl_s32(sign);
    return vaddq_s64(product, vsubq_s64(veorq_s64(x, all), all));
}

TERN_INLINE struct sums sums_of(const int32_t *acc, int32_t unit, const int16_t *y, struct terms t)
{
    const int32x4_t a = vld1q_s32(acc), v = vmovl_s16(vld1_s16(y)), sign = vshrq_n_s32(v, 31);
    const uint32x4_t magnitude = vreinterpretq_u32_s32(vabsq_s32(v));
    const int32x2_t u = vdup_n_s32(unit);
    return (struct sums){plus_own(vmull_s32(vget_low_s32(a), u), vget_low_u32(magnitude), vget_low_s32(sign), t),
                         plus_own(vmull_s32(vget_high_s32(a), u), vget_high_u32(magnitude), vget_high_s32(sign), t)};
}

TERN_INLINE int64x2_t magnitude64(int64x2_t x)
{
    const int64x2_t sign = vshrq_n_s64(x, 63);
    return vsubq_s64(veorq_s64(x, sign), sign);
}

int tern_mix_neon(const int32_t *acc, const int32_t *unit, const int16_t *y, struct tern_real real, int32_t *sum, int n)
{
    const struct terms t = {vdup_n_u32((uint32_t)real.mul), vdupq_n_u64(1ull << (real.exp - 1)),
                            vdupq_n_s64(-real.exp)};
    int64x2_t any = vdupq_n_s64(0);
    int j = 0;
    for (; j + 4 <= n; j += 4) {
        const struct sums s = sums_of(acc + j, unit[j / TERN_PANEL], y + j, t);
        any = vorrq_s64(any, vorrq_s64(magnitude64(s.low), magnitude64(s.high)));
    }
    uint64_t most = (uint64_t)(vgetq_lane_s64(any, 0) | vgetq_lane_s64(any, 1));
    for (int i = j; i < n; i++)
        most |= tern_magnitude64(tern_mix1(acc[i], unit[i / TERN_PANEL], y[i], real));
    const int shift = tern_mix_shift(most);
    const int64x2_t half = vdupq_n_s64((int64_t)(1ull << shift >> 1)), down = vdupq_n_s64(-shift);
    for (j = 0; j + 4 <= n; j += 4) {
        const struct sums s = sums_of(acc + j, unit[j / TERN_PANEL], y + j, t);
        vst1q_s32(sum + j, vcombine_s32(vmovn_s64(vshlq_s64(vaddq_s64(s.low, half), down)),
                                        vmovn_s64(vshlq_s64(vaddq_s64(s.high, half), down))));
    }
    for (; j < n; j++)
        sum[j] = (int32_t)tern_rshift64(tern_mix1(acc[j], unit[j / TERN_PANEL], y[j], real), shift);
    return shift;
}
