/* Lays rows out for spmm_i8mm.c: see spmm_pack.h. The rows that it leaves to dotprod lie behind the others, as that
   kernel has them. */
#ifndef __ARM_FEATURE_MATMUL_INT8
#error "compile with -march=armv8.2-a+dotprod+i8mm"
#endif
#include "simd/arm/spmm_pack.h"

static const struct tern_pass passes[] = TERN_PASSES_I8MM(TERN_LAID_OUT);

void tern_spmm_pack_i8mm(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    const int here = tern_i8mm_rows(shape, m);
    if (here)
        pack_rows(passes, a, ld_a, packed, 0, here, k4);
    if (here < m)
        tern_spmm_pack_dotprod(a + here * ld_a, ld_a, (int8_t *)packed + (ptrdiff_t)here * k4 * TERN_PANEL_K, shape,
                               m - here, k4);
}
