/* Maps the features of linear attention with SSE4.1, as phi_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/phi_template.h"

void tern_phi_sse41(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n)
{
    vi_phi(x, ld, map, m, n);
}
