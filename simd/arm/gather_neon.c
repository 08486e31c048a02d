/* Takes numbers from places that only grow with NEON, 16 at a time: numbers that lie in a row are copied; of others, 4
   places lie within 4 numbers, whose bytes one table look-up orders. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

TERN_INLINE int32x4_t ordered(const int32_t *x, const int16_t *at)
{
    const uint16x4_t place = vreinterpret_u16_s16(vsub_s16(vld1_s16(at), vdup_n_s16(at[0])));
    const uint32x4_t bytes = vmlaq_n_u32(vdupq_n_u32(0x03020100), vshll_n_u16(place, 2), 0x01010101);
    return vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(vld1q_s32(x)), vreinterpretq_u8_u32(bytes)));
}

void tern_gather_neon(const int32_t *x, const int16_t *at, int32_t *out, int n)
{
    const int first = at[0], whole = at[n - 1] - 3; /* from further places on, 4 numbers are not there */
    int j = 0;
    for (; j + 16 <= n && at[j + 12] <= whole; j += 16) {
        const int16_t *const here = at + j;
        int32_t *const to = out + j;
        const int in_a_row = here[15] - here[0] == 15;
        TERN_UNROLL
        for (int i = 0; i < 16; i += 4)
            vst1q_s32(to + i,
                      in_a_row ? vld1q_s32(x + (here[0] - first) + i) : ordered(x + (here[i] - first), here + i));
    }
    for (; j < n; j++)
        out[j] = x[at[j] - first];
}
