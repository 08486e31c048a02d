/* Multiplies int8 matrices with AVX-512BW, without VNNI (product_512_signs.h): the mask of a weight register's signs
   serves all rows of the tile. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/product_512_signs.h"

static void row_starts(int32_t *start, const int8_t *a, ptrdiff_t ld_a, int m, int k)
{
    (void)a, (void)ld_a, (void)k;
    for (int i = 0; i < m; i++)
        start[i] = 0;
}

#include "simd/x86/gemm_s8_512_template.h"

void tern_gemm_s8_avx512bw(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                           int panels, int k4, struct tern_ahead ahead)
{
    gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4, ahead);
}
