/* Registers of 4 floats, tiles of 3 x 12 sums. How it is done: simd/gemm_f32.h. */
#include "simd/x86/f32_128.h"

#include "simd/gemm_f32.h"

void tern_gemm_f32_sse41(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, const float *bias, float *c,
                         ptrdiff_t ld_c, int m, int n, int k)
{
    const struct gemm_f32 g = {a, w, bias, c, ld_a, ld_w, ld_c};
    gemm(&g, m, n, k);
}
