/* Lays rows out for spmm_amx.c: signed, as spmm_pack_512.h has them, for 16x4 and more than 16 rows; otherwise what
   AVX-512 VNNI reads. */
#if !defined __AMX_INT8__ && !defined __AMXINT8__ /* gcc's name, clang 14's */
#error "compile with -mamx-tile -mamx-int8"
#endif
#include "simd/table.h"
#include "simd/x86/spmm_pack_512.h"

void tern_spmm_pack_amx(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    if (m <= TERN_SPMM_AMX_FEW || shape != TERN_BLOCK_16X4)
        tern_spmm_pack_avx512vnni(a, ld_a, packed, shape, m, k4);
    else
        tern_spmm512_pack(0, packed, a, ld_a, shape, m, k4);
}
