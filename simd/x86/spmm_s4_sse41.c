/* Multiplies block-sparse 4-bit weights with SSE4.1, as spmm_s4_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/spmm_s4_template.h"

void tern_spmm_s4_sse41(const void *packed, const struct tern_sparse *w, const struct tern_codes *codes, int32_t *c,
                        ptrdiff_t ld_c, int m, int panels, int k4)
{
    vi_spmm_s4(packed, w, codes, c, ld_c, m, panels, k4);
}
