/* Eight columns at a time, int8 widened to meet the row's multiplier; 3 * 127 * 32767 is far below 2^31. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

void tern_embed_neon(const int8_t *const *q, const int16_t *mul, int rows, int32_t *out, int n)
{
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        int32x4_t low = vdupq_n_s32(0), high = low;
        for (int r = 0; r < rows; r++) {
            int16x8_t v = vmovl_s8(vld1_s8(q[r] + j)), factor = vdupq_n_s16(mul[r]);
            low = vmlal_s16(low, vget_low_s16(v), vget_low_s16(factor));
            high = vmlal_high_s16(high, v, factor);
        }
        vst1q_s32(out + j, low);
        vst1q_s32(out + j + 4, high);
    }
    for (; j < n; j++) {
        out[j] = 0;
        for (int r = 0; r < rows; r++)
            out[j] += q[r][j] * mul[r];
    }
}
