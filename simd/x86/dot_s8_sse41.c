/* Multiplies one int8 vector by many with SSE4.1, as dot_signs_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/dot_signs_template.h"

void tern_dot_s8_sse41(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    dot_rows(q, x, ld_x, out, n, k);
}
