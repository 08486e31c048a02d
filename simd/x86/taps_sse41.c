/* Sums a depthwise convolution's products at one token with SSE4.1, as taps_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/taps_template.h"

void tern_taps_sse41(const int16_t *x, ptrdiff_t ld_x, const int16_t *w, ptrdiff_t ld_w, int32_t *sum, int m, int n)
{
    vi_taps(x, ld_x, w, ld_w, sum, m, n);
}
