/* Lays rows out for spmm_s4 with SSE4.1, as spmm_s4_pack_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/spmm_s4_pack_template.h"

void tern_spmm_s4_pack_sse41(const int8_t *a, ptrdiff_t ld_a, void *packed, const struct tern_codebook *book, int m,
                             int k4)
{
    vi_spmm_s4_pack(a, ld_a, packed, book, m, k4);
}
