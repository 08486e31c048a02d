/* GELU with erf as a quotient of polynomials: simd/gelu_f32.h. */
#include "simd/arm/f32_neon.h"

#include "simd/gelu_f32.h"

void tern_gelu_f32_neon(float *x, ptrdiff_t ld, int m, int n)
{
    for (int i = 0; i < m; i++)
        gelu(x + i * ld, n);
}
