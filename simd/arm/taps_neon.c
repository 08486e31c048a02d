/* Sums a depthwise convolution's products at one token with NEON, 16 columns at a time. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

void tern_taps_neon(const int16_t *x, ptrdiff_t ld_x, const int16_t *w, ptrdiff_t ld_w, int32_t *sum, int m, int n)
{
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        int32x4_t s0 = vld1q_s32(sum + j), s1 = vld1q_s32(sum + j + 4), s2 = vld1q_s32(sum + j + 8),
                  s3 = vld1q_s32(sum + j + 12);
        const int16_t *a = x + j, *b = w + j;
        for (int i = 0; i < m; i++, a += ld_x, b += ld_w) {
            const int16x8_t x0 = vld1q_s16(a), x1 = vld1q_s16(a + 8), w0 = vld1q_s16(b), w1 = vld1q_s16(b + 8);
            s0 = vmlal_s16(s0, vget_low_s16(x0), vget_low_s16(w0));
            s1 = vmlal_high_s16(s1, x0, w0);
            s2 = vmlal_s16(s2, vget_low_s16(x1), vget_low_s16(w1));
            s3 = vmlal_high_s16(s3, x1, w1);
        }
        vst1q_s32(sum + j, s0);
        vst1q_s32(sum + j + 4, s1);
        vst1q_s32(sum + j + 8, s2);
        vst1q_s32(sum + j + 12, s3);
    }
    if (j < n)
        tern_taps_ref(x + j, ld_x, w + j, ld_w, sum + j, m, n - j);
}
