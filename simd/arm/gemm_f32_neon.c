/* Registers of 4 floats, tiles of 8 x 12 sums, on 32 bits of 4 x 12. How it is done: simd/gemm_f32.h. */
#include "simd/arm/f32_neon.h"

#include "simd/gemm_f32.h"

void tern_gemm_f32_neon(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, const float *bias, float *c,
                        ptrdiff_t ld_c, int m, int n, int k)
{
    const struct gemm_f32 g = {a, w, bias, c, ld_a, ld_w, ld_c};
    gemm(&g, m, n, k);
}
