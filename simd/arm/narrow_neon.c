/* Brings a row that has an exponent to 30 bits, and to int16, with NEON. The shift needs only the number of bits of the
   largest magnitude, and "or" keeps that. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

/* v[n] without what is below 0, if that is asked for; returns the shift. */
static int cut_and_measure(int32_t *v, int relu, int n)
{
    const int32x4_t least = vdupq_n_s32(relu ? 0 : INT32_MIN);
    uint32x4_t all = vdupq_n_u32(0);
    int j = 0;
    for (; j + 4 <= n; j += 4) {
        const int32x4_t x = vmaxq_s32(vld1q_s32(v + j), least);
        all = vorrq_u32(all, vreinterpretq_u32_s32(vabsq_s32(x)));
        vst1q_s32(v + j, x);
    }
    uint32_t lanes[4];
    vst1q_u32(lanes, all);
    uint32_t most = lanes[0] | lanes[1] | lanes[2] | lanes[3];
    for (; j < n; j++) {
        v[j] = relu && v[j] < 0 ? 0 : v[j];
        most |= (uint32_t)(v[j] < 0 ? -v[j] : v[j]);
    }
    return tern_narrow_up(most);
}

int tern_narrow_neon(int32_t *v, int16_t *x, int relu, int n)
{
    const int shift = cut_and_measure(v, relu, n), up = shift < 0 ? 0 : shift;
    const int32x4_t count = vdupq_n_s32(up);
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        const int32x4_t a = vshlq_s32(vld1q_s32(v + j), count), b = vshlq_s32(vld1q_s32(v + j + 4), count);
        vst1q_s32(v + j, a);
        vst1q_s32(v + j + 4, b);
        const int16x8_t both = vcombine_s16(vqrshrn_n_s32(a, TERN_NARROW_BITS), vqrshrn_n_s32(b, TERN_NARROW_BITS));
        vst1q_s16(x + j, vmaxq_s16(both, vdupq_n_s16(-32767)));
    }
    for (; j < n; j++) {
        v[j] *= 1 << up;
        x[j] = tern_narrow1(v[j], TERN_NARROW_BITS);
    }
    return shift;
}
