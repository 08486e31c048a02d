/* Four vectors in step through Horner's chain; see tern_neon_poly_eval. With s = y >> 15, (t ^ s) - s puts
   the sign on. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

TERN_INLINE void tanh_of(int16_t *y, int count, const struct tern_neon_poly *p)
{
    int16x8_t v[4], h[4];
    TERN_UNROLL
    for (int i = 0; i < count; i++)
        v[i] = vld1q_s16(y + 8 * i);
    tern_neon_poly_eval(v, h, count, p);
    TERN_UNROLL
    for (int i = 0; i < count; i++) {
        int16x8_t t = vsubq_s16(vdupq_n_s16(32767), vmaxq_s16(h[i], vdupq_n_s16(0))), sign = vshrq_n_s16(v[i], 15);
        vst1q_s16(y + 8 * i, vsubq_s16(veorq_s16(t, sign), sign));
    }
}

void tern_tanh_neon(int16_t *y, const struct tern_poly *poly, int n)
{
    struct tern_neon_poly p = tern_neon_poly_of(poly);
    int j = 0;
    for (; j + 32 <= n; j += 32)
        tanh_of(y + j, 4, &p);
    for (; j + 8 <= n; j += 8)
        tanh_of(y + j, 1, &p);
    for (; j < n; j++)
        y[j] = tern_tanh1(y[j], poly);
}
