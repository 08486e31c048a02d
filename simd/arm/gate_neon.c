/* Multiplies the two halves of a gated layer with NEON. The shift needs only the number of bits of the largest |p|, and
   "or" keeps that. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

/* A number of as many bits as max|p|. */
static uint32_t most_of(const int16_t *a, const int16_t *b, int n)
{
    uint32x4_t low = vdupq_n_u32(0), high = low;
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        int16x8_t x = vld1q_s16(a + j), y = vld1q_s16(b + j);
        int32x4_t first = vmull_s16(vget_low_s16(x), vget_low_s16(y)), second = vmull_high_s16(x, y);
        low = vorrq_u32(low, vreinterpretq_u32_s32(vabsq_s32(first)));
        high = vorrq_u32(high, vreinterpretq_u32_s32(vabsq_s32(second)));
    }
    uint32_t most = vmaxvq_u32(vorrq_u32(low, high));
    for (; j < n; j++) {
        int32_t p = a[j] * b[j];
        most |= (uint32_t)(p < 0 ? -p : p);
    }
    return most;
}

int tern_gate_neon(int16_t *a, const int16_t *b, int n)
{
    const int shift = tern_gate_shift(most_of(a, b, n));
    const struct tern_neon_rshift s = tern_neon_rshift_by(shift);
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        int16x8_t x = vld1q_s16(a + j), y = vld1q_s16(b + j);
        int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y)), high = vmull_high_s16(x, y);
        vst1q_s16(a + j, tern_neon_narrow(low, high, s));
    }
    for (; j < n; j++)
        a[j] = tern_gate1(a[j], b[j], shift);
    return shift;
}
