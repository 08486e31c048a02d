/* Counts differing bits with SSE4.1, as hamming_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/hamming_template.h"

void tern_hamming_sse41(const uint8_t *q, const uint8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    vi_hamming(q, x, ld_x, out, n, k);
}
