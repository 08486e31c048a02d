/* Lays rows out for spmm_avx512bw.c, signed, as spmm_pack_512.h has them; for narrow blocks few rows as AVX2 has them.
 */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/spmm_pack_256.h"
#include "simd/x86/spmm_pack_512.h"

void tern_spmm_pack_avx512bw(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    if (tern_spmm_few_avx512(shape, m))
        tern_spmm256_few_pack(packed, a, ld_a, shape, m, k4);
    else
        tern_spmm512_pack(0, packed, a, ld_a, shape, m, k4);
}
