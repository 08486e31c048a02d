/* Adds up the rows of a matrix with SSE4.1, as pool_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/pool_template.h"

void tern_pool_sse41(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n)
{
    vi_pool(x, ld_x, out, m, n);
}
