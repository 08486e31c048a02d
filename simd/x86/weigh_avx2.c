/* Multiplies rows by two factors each with AVX2, as weigh_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/weigh_template.h"

void tern_weigh_avx2(const int16_t *x, ptrdiff_t ld_x, const int16_t *cosine, const int16_t *sine, int16_t *out,
                     ptrdiff_t ld_out, int m, int n)
{
    vi_weigh(x, ld_x, cosine, sine, out, ld_out, m, n);
}
