/* Applies the GELU with NEON: see tern_neon_activate. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

TERN_INLINE int16x8_t gelu8(int16x8_t y, int16x8_t h, const struct tern_neon_poly *p)
{
    y = vqsubq_s16(vmaxq_s16(y, vdupq_n_s16(0)), vqrdmulhq_s16(h, p->out));
    return vmaxq_s16(y, vdupq_n_s16(-32767));
}

void tern_gelu_neon(int16_t *y, const struct tern_poly *poly, int n)
{
    tern_neon_activate(y, poly, n, gelu8, tern_gelu1);
}
