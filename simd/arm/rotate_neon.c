/* Turns the heads of a token with NEON. Eight angles stay in registers while the heads pass. The sums stay below 2^30,
   so that the rounding, saturating narrow is rshift and sat16. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

TERN_INLINE int16x8_t turned8(int32x4_t low, int32x4_t high)
{
    int16x8_t x = vcombine_s16(vqrshrn_n_s32(low, TERN_TURN_BITS), vqrshrn_n_s32(high, TERN_TURN_BITS));
    return vmaxq_s16(x, vdupq_n_s16(-32767));
}

TERN_INLINE void rotate8(int16_t *u_at, int16_t *v_at, int16x8_t c, int16x8_t s)
{
    const int16x8_t u = vld1q_s16(u_at), v = vld1q_s16(v_at);
    int32x4_t low = vmull_s16(vget_low_s16(u), vget_low_s16(c)), high = vmull_high_s16(u, c);
    low = vmlsl_s16(low, vget_low_s16(v), vget_low_s16(s)), high = vmlsl_high_s16(high, v, s);
    vst1q_s16(u_at, turned8(low, high));
    low = vmull_s16(vget_low_s16(v), vget_low_s16(c)), high = vmull_high_s16(v, c);
    low = vmlal_s16(low, vget_low_s16(u), vget_low_s16(s)), high = vmlal_high_s16(high, u, s);
    vst1q_s16(v_at, turned8(low, high));
}

void tern_rotate_neon(int16_t *x, const int16_t *turn, int heads, int dim, int half)
{
    int i = 0;
    for (; i + 8 <= half; i += 8) {
        const int16x8_t c = vld1q_s16(turn + i), s = vld1q_s16(turn + half + i);
        for (int head = 0; head < heads; head++) {
            int16_t *u = x + head * dim + i;
            rotate8(u, u + half, c, s);
        }
    }
    tern_rotate_rest(x, turn, heads, dim, half, i);
}
