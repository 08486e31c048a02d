/* Template: gemm_lut's walk over panels, rows and numbers of bits; gives gemm_lut().

   Parameter, which the kernel defines before it includes this:
     static ALWAYS_INLINE void row(const uint8_t *table, const int32_t *sum, const struct tern_codes *w, int32_t *c,
                                   int blocks, const int bits)      one row by one panel
   Included by gemm_lut_sse41.c, gemm_lut_avx2.c and gemm_lut_avx512bw.c. */
#ifndef TERN_X86_GEMM_LUT_TEMPLATE_H
#define TERN_X86_GEMM_LUT_TEMPLATE_H

#include "simd/ops.h"

static ALWAYS_INLINE void panel(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                                const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int blocks,
                                const int bits)
{
    for (int i = 0; i < m; i++)
        row(table + i * ld_table, sum + i * ld_sum, w, c + i * ld_c, blocks, bits);
}

static ALWAYS_INLINE void gemm_lut(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                                   const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    const int blocks = tern_blocks(k4);
    for (int p = 0; p < panels; p++, c += TERN_PANEL) {
        const struct tern_codes codes = tern_codes_at(w, p, k4);
        switch (w->book->bits) {
        case 1: panel(table, ld_table, sum, ld_sum, &codes, c, ld_c, m, blocks, 1); break;
        case 2: panel(table, ld_table, sum, ld_sum, &codes, c, ld_c, m, blocks, 2); break;
        default: panel(table, ld_table, sum, ld_sum, &codes, c, ld_c, m, blocks, 3);
        }
    }
}

#endif
