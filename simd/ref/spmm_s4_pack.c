/* Defines spmm_s4_pack, which lays rows out for block-sparse products with 4-bit weights. */
#include "simd/table.h"

void tern_spmm_s4_pack_ref(const int8_t *a, ptrdiff_t ld_a, void *packed, const struct tern_codebook *book, int m,
                           int k4)
{
    (void)book;
    tern_spmm_pack_ref(a, ld_a, packed, TERN_BLOCK_16X4, m, k4);
}
