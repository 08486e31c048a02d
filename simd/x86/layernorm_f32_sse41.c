/* LayerNorm in three passes over a row that L1 holds: simd/layernorm_f32.h. */
#include "simd/x86/f32_128.h"

#include "simd/layernorm_f32.h"

void tern_layernorm_f32_sse41(float *x, ptrdiff_t ld_x, const float *add, ptrdiff_t ld_add, const float *gamma,
                              const float *beta, float eps, int rms, int m, int n)
{
    for (int i = 0; i < m; i++)
        layernorm(x + i * ld_x, add ? add + i * ld_add : NULL, gamma, beta, eps, rms, n);
}
