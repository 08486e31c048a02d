/* Finds the largest magnitude with AVX2, as amax_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/amax_template.h"

int32_t tern_amax_avx2(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    return vi_amax(x, ld_x, m, n);
}
