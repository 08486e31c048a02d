/* Multiplies rows by two factors each with NEON, eight columns at a time. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

void tern_weigh_neon(const int16_t *x, ptrdiff_t ld_x, const int16_t *cosine, const int16_t *sine, int16_t *out,
                     ptrdiff_t ld_out, int m, int n)
{
    for (int i = 0; i < m; i++, x += ld_x, out += ld_out) {
        const int16x8_t c = vdupq_n_s16(cosine[i]), s = vdupq_n_s16(sine[i]);
        int j = 0;
        for (; j + 8 <= n; j += 8) {
            const int16x8_t v = vld1q_s16(x + j);
            vst1q_s16(out + j, vqrdmulhq_s16(v, c));
            vst1q_s16(out + n + j, vqrdmulhq_s16(v, s));
        }
        for (; j < n; j++) {
            out[j] = tern_mulr(x[j], cosine[i]);
            out[n + j] = tern_mulr(x[j], sine[i]);
        }
    }
}
