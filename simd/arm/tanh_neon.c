/* Applies tanh with NEON: see tern_neon_activate. With s = y >> 15, (t ^ s) - s puts the sign on. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

TERN_INLINE int16x8_t tanh8(int16x8_t y, int16x8_t h, const struct tern_neon_poly *p)
{
    (void)p;
    int16x8_t t = vsubq_s16(vdupq_n_s16(32767), vmaxq_s16(h, vdupq_n_s16(0))), sign = vshrq_n_s16(y, 15);
    return vsubq_s16(veorq_s16(t, sign), sign);
}

void tern_tanh_neon(int16_t *y, const struct tern_poly *poly, int n)
{
    tern_neon_activate(y, poly, n, tanh8, tern_tanh1);
}
