/* GELU with erf as a quotient of polynomials: simd/gelu_f32.h. */
#include "simd/x86/f32_128.h"

#include "simd/gelu_f32.h"

void tern_gelu_f32_sse41(float *x, ptrdiff_t ld, int m, int n)
{
    for (int i = 0; i < m; i++)
        gelu(x + i * ld, n);
}
