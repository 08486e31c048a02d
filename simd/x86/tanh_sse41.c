/* Applies tanh with SSE4.1, as tanh_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/tanh_template.h"

void tern_tanh_sse41(int16_t *y, const struct tern_poly *poly, int n)
{
    vi_tanh(y, poly, n);
}
