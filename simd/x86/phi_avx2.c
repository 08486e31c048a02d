/* Maps the features of linear attention with AVX2, as phi_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/phi_template.h"

void tern_phi_avx2(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n)
{
    vi_phi(x, ld, map, m, n);
}
