/* Finds the largest magnitude with NEON. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

int32_t tern_amax_neon(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    int32_t amax = 0;
    for (int i = 0; i < m; i++, x += ld_x) {
        const int32_t of_row = tern_neon_amax_of(x, n);
        amax = of_row > amax ? of_row : amax;
    }
    return amax;
}
