/* Block-sparse products with rows in the lanes of 256 bits: how the sums are brought back. */
#ifndef TERN_X86_SPMM256_H
#define TERN_X86_SPMM256_H

#include "simd/x86/avx2.h"

/* A panel's sums[16 outputs][TERN_SPMM_ROWS] to c[m][16]. */
static inline void tern_spmm256_store(const int32_t *sums, int m, int32_t *c, ptrdiff_t ld_c)
{
    for (int row = 0; row < m; row += 8)
        for (int half = 0; half < TERN_PANEL; half += 8) {
            const int32_t *from = sums + half * TERN_SPMM_ROWS + row;
            int32_t *to = c + row * ld_c + half;
            __m256i r[8];
            TERN_UNROLL
            for (int i = 0; i < 8; i++)
                r[i] = tern_load256(from + i * TERN_SPMM_ROWS);
            tern_transpose8(r);
            TERN_UNROLL
            for (int i = 0; i < 8; i++)
                if (row + i < m)
                    tern_store256(to + i * ld_c, r[i]);
        }
}

#endif
