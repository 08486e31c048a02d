/* Makes gemm_lut's tables of sums with NEON. The sixteen sums of a k step are its four activations times constant
   masks: eight sums without the last activation in a register, eight with it. All is times 4, so that a sum's parts lie
   in two bytes: de-interleaving sixteen sums gives the high parts, and the low ones two bits up. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

enum { PAIRS = TERN_BLOCK_STEPS / 2, UP = 8 - TERN_LUT_LOW_BITS };
_Static_assert(TERN_PANEL_K * 127 << UP <= INT16_MAX, "sums times 4 fit in 16 bits");

/* 1 where one of the first three activations counts in the first eight sums. */
static const int16_t counts[3][8] = {{0, 1, 0, 1, 0, 1, 0, 1}, {0, 0, 1, 1, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 1, 1, 1}};

struct masks {
    int16x8_t first, second, third;
};

/* `a` is times 4. */
TERN_INLINE void step(uint8_t *low, int16x4_t a, struct masks m)
{
    int16x8_t without = vmulq_lane_s16(m.first, a, 0);
    without = vmlaq_lane_s16(without, m.second, a, 1);
    without = vmlaq_lane_s16(without, m.third, a, 2);
    const int16x8_t with = vaddq_s16(without, vdupq_lane_s16(a, 3));
    const uint8x16x2_t part = vuzpq_u8(vreinterpretq_u8_s16(without), vreinterpretq_u8_s16(with));
    vst1q_u8(low, vshrq_n_u8(part.val[0], UP));
    vst1q_u8(low + TERN_LINE, part.val[1]);
}

/* 32 activations. */
TERN_INLINE int32_t block(const int8_t *a, uint8_t *table, struct masks m)
{
    int16x8_t sum = vdupq_n_s16(0);
    TERN_UNROLL
    for (int pair = 0; pair < PAIRS; pair++) {
        const int16x8_t two = vshll_n_s8(vld1_s8(a + pair * 2 * TERN_PANEL_K), UP);
        step(table + pair * 16, vget_low_s16(two), m);
        step(table + 2 * TERN_LINE + pair * 16, vget_high_s16(two), m);
        sum = vaddq_s16(sum, two);
    }
    return vaddvq_s32(vpaddlq_s16(sum)) / (1 << UP);
}

void tern_lut_neon(const int8_t *a, uint8_t *table, int32_t *sum, int k4)
{
    const struct masks m = {vld1q_s16(counts[0]), vld1q_s16(counts[1]), vld1q_s16(counts[2])};
    for (; k4 >= TERN_BLOCK_STEPS; k4 -= TERN_BLOCK_STEPS, a += TERN_BLOCK_K, table += TERN_LUT_BLOCK)
        *sum++ = block(a, table, m);
    if (k4) {
        int8_t rest[TERN_BLOCK_K] = {0};
        __builtin_memcpy(rest, a, (size_t)(k4 * TERN_PANEL_K));
        *sum = block(rest, table, m);
    }
}
