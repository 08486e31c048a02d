/* Sixteen weights times four broadcast inputs by widening multiplies, two products to a lane of 16 bits. */
#ifndef TERN_ARM_MAC2_H
#define TERN_ARM_MAC2_H

#include "simd/arm/four_k.h"

_Static_assert(2 * 127 * 127 <= INT16_MAX, "two products fit in 16 bits");

/* Two partial sums of each of four channels, to be added by vpaddq_s32(low, high). */
struct sums {
    int32x4_t low, high;
};

TERN_INLINE struct sums mac2(struct sums s, int8x16_t b0, int8x16_t b1, struct two_groups a)
{
    s.low = vpadalq_s16(s.low, vmlal_s8(vmull_s8(vget_low_s8(b0), low_half(a.k0)), vget_low_s8(b1), low_half(a.k1)));
    s.high = vpadalq_s16(s.high, mla_high(mul_high(b0, a.k0), b1, a.k1));
    return s;
}

TERN_INLINE struct sums mac1(struct sums s, int8x16_t b, four_k a)
{
    s.low = vpadalq_s16(s.low, vmull_s8(vget_low_s8(b), low_half(a)));
    s.high = vpadalq_s16(s.high, mul_high(b, a));
    return s;
}

#endif
