/* Applies tanh with AVX2, as tanh_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/tanh_template.h"

void tern_tanh_avx2(int16_t *y, const struct tern_poly *poly, int n)
{
    vi_tanh(y, poly, n);
}
