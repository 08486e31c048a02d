/* Brings attention's sums of values to int16 with SSE4.1, as context_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/context_template.h"

void tern_context_sse41(const int32_t *high, const int32_t *low, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                        const struct tern_row_scale *row, int m, int n)
{
    vi_context(high, low, ld_acc, out, ld_out, row, m, n);
}
