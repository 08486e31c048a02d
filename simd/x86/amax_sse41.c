/* Finds the largest magnitude with SSE4.1, as amax_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/amax_template.h"

int32_t tern_amax_sse41(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    return vi_amax(x, ld_x, m, n);
}
