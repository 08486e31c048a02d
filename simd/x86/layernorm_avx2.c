/* Normalises rows with AVX2, as layernorm_passes_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/layernorm_passes_template.h"

void tern_layernorm_avx2(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                         int rms, int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    vi_layernorm(s, ld, gamma, beta, eps, rms, y, x, ld_x, m, n);
}
