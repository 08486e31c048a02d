/* Lays rows out for block-sparse products that keep 16 rows in the lanes of 512 bits. */
#ifndef TERN_X86_SPMM_PACK_512_H
#define TERN_X86_SPMM_PACK_512_H

#include "simd/x86/spmm512.h"

/* 16 rows of a k step to [4 inputs][rows]: bytes by input within 128 bits, then 32 bits by input. */
static ALWAYS_INLINE void tern_spmm512_store_inputs(uint8_t *to, ptrdiff_t rows, __m512i x)
{
    const __m512i bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512i words = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    x = _mm512_permutexvar_epi32(words, _mm512_shuffle_epi8(x, bytes));
    _mm_storeu_si128((__m128i *)to, _mm512_castsi512_si128(x));
    _mm_storeu_si128((__m128i *)(to + rows), _mm512_extracti32x4_epi32(x, 1));
    _mm_storeu_si128((__m128i *)(to + 2 * rows), _mm512_extracti32x4_epi32(x, 2));
    _mm_storeu_si128((__m128i *)(to + 3 * rows), _mm512_extracti32x4_epi32(x, 3));
}

/* A k step of 16 rows from row i on. */
static ALWAYS_INLINE void tern_spmm512_store_step(uint8_t *packed, enum tern_block_shape shape, __m512i x,
                                                  ptrdiff_t rows, int i, int k, int k4)
{
    if (shape == TERN_BLOCK_4X1)
        tern_spmm512_store_inputs(packed + (ptrdiff_t)k * TERN_PANEL_K * rows + i, rows, x);
    else if (shape != TERN_BLOCK_16X4)
        _mm512_store_si512(packed + (ptrdiff_t)k * TERN_PANEL_K * rows + i * TERN_PANEL_K, x);
    else
        _mm512_store_si512(packed + ((ptrdiff_t)i / 16 * k4 + k) * TERN_LINE, x);
}

/* a[m][4 * k4] to [rows / 16][k4][16][4] for 16x4, so that a k step of 16 rows is one line; to [k4][rows][4] for 4x4
   and 1x4, so that a block's lines are neighbours; to [4 * k4][rows] for 4x1. Rows that lack are 0. Bits `flip` of each
   byte change: -128 makes bytes unsigned, with 128 added; 0 leaves them. */
static ALWAYS_INLINE void tern_spmm512_pack(const int8_t flip, uint8_t *packed, const int8_t *a, ptrdiff_t ld_a,
                                            enum tern_block_shape shape, int m, int k4)
{
    const ptrdiff_t rows = tern_spmm512_rows(shape, m);
    const __m512i top = _mm512_set1_epi8(flip);
    for (int i = 0; i < rows; i += 16)
        for (int k = 0; k < k4; k += 16) {
            const int steps = k4 - k < 16 ? k4 - k : 16;
            const __mmask16 some = tern_mask16(steps);
            __m512i r[16];
            TERN_UNROLL
            for (int j = 0; j < 16; j++)
                r[j] = i + j < m
                           ? _mm512_xor_si512(
                                 _mm512_maskz_loadu_epi32(some, a + (i + j) * ld_a + (ptrdiff_t)k * TERN_PANEL_K), top)
                           : _mm512_setzero_si512();
            tern_transpose16(r);
            TERN_UNROLL
            for (int j = 0; j < 16; j++)
                if (j < steps)
                    tern_spmm512_store_step(packed, shape, r[j], rows, i, k + j, k4);
        }
}

#endif
