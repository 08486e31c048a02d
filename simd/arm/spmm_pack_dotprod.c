/* Lays rows out for spmm_dotprod.c: see spmm_pack.h. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/arm/spmm_pack.h"

static const struct tern_pass passes[TERN_N_BLOCK_SHAPES][TERN_MOST_PASSES] = TERN_PASSES_DOTPROD(TERN_LAID_OUT);

void tern_spmm_pack_dotprod(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    pack_rows(passes[shape], a, ld_a, packed, shape == TERN_BLOCK_4X1, m, k4);
}
