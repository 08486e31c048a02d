/* Adds up the rows of a matrix with AVX2, as pool_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/pool_template.h"

void tern_pool_avx2(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n)
{
    vi_pool(x, ld_x, out, m, n);
}
