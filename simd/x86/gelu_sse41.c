/* Applies the GELU with SSE4.1, as gelu_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/gelu_template.h"

void tern_gelu_sse41(int16_t *y, const struct tern_poly *poly, int n)
{
    vi_gelu(y, poly, n);
}
