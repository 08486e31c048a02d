/* Turns quantised tokens into rows with SSE4.1, as pack_t_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/pack_t_template.h"

void tern_pack_t_sse41(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, ptrdiff_t ld_b,
                       int32_t *sum, int m, int n)
{
    vi_pack_t(x, ld_x, scale, b, ld_b, sum, m, n);
}
