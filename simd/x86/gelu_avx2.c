/* Applies the GELU with AVX2, as gelu_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/gelu_template.h"

void tern_gelu_avx2(int16_t *y, const struct tern_poly *poly, int n)
{
    vi_gelu(y, poly, n);
}
