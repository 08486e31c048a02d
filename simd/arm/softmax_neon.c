/* Makes softmax's probabilities with NEON, eight scores at a time. D narrows with saturation before it is cut at 32767,
   which saves a minimum per four. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

static int32_t max_of(const int32_t *score, int n)
{
    int32_t max = score[0];
    int32x4_t four = vdupq_n_s32(max);
    int j = 0;
    for (; j + 4 <= n; j += 4)
        four = vmaxq_s32(four, vld1q_s32(score + j));
    max = vmaxvq_s32(four);
    for (; j < n; j++)
        max = score[j] > max ? score[j] : max;
    return max;
}

struct unit {
    int32x4_t max, shift;
    uint32x4_t cut;
    int16x8_t mul;
};

TERN_INLINE uint16x4_t distance4(const int32_t *score, const struct unit *u)
{
    uint32x4_t d = vreinterpretq_u32_s32(tern_neon_sub32(u->max, vld1q_s32(score)));
    return vqmovn_u32(vshlq_u32(vminq_u32(d, u->cut), u->shift));
}

TERN_INLINE int16x8_t softmax8(const int32_t *score, const struct unit *u)
{
    uint16x8_t d = vcombine_u16(distance4(score, u), distance4(score + 4, u));
    int16x8_t t = vreinterpretq_s16_u16(vminq_u16(d, vdupq_n_u16(32767)));
    return vrshrq_n_s16(tern_neon_exp2(vqrdmulhq_s16(t, u->mul)), 5);
}

int32_t tern_softmax_neon(const int32_t *score, int shift, int mul, int8_t *high, int8_t *low, int n)
{
    int32_t max = max_of(score, n);
    struct unit u = {vdupq_n_s32(max), vdupq_n_s32(-shift), vdupq_n_u32(tern_softmax_cut(shift)),
                     vdupq_n_s16((int16_t)mul)};
    int32x4_t sums = vdupq_n_s32(0);
    int j = 0;
    const int16x8_t low_bits = vdupq_n_s16((1 << TERN_P_LOW_BITS) - 1);
    for (; j + 8 <= n; j += 8) {
        int16x8_t v = softmax8(score + j, &u);
        vst1_s8(high + j, vshrn_n_s16(v, TERN_P_LOW_BITS));
        vst1_s8(low + j, vmovn_s16(vandq_s16(v, low_bits)));
        sums = vpadalq_s16(sums, v);
    }
    int32_t sum = vaddvq_s32(sums);
    for (; j < n; j++) {
        int16_t p = tern_probability((uint32_t)max - (uint32_t)score[j], shift, mul);
        high[j] = (int8_t)(p >> TERN_P_LOW_BITS);
        low[j] = (int8_t)(p & ((1 << TERN_P_LOW_BITS) - 1));
        sum += p;
    }
    for (; j < tern_round_up(n, TERN_PANEL_K); j++)
        high[j] = low[j] = 0;
    return sum;
}
