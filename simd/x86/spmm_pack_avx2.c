/* Lays rows out for spmm_avx2.c, widened to 16 bits once: for 16x4 [k step][row][4], for 4x4 and 1x4 [k
   step][pair][row][2], for 4x1 [input][row]; few rows as spmm_pack_256.h has them. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/spmm_pack_256.h"

/* One k step of one row: four inputs. */
static ALWAYS_INLINE void place(int16_t *packed, const enum tern_block_shape shape, int64_t four, ptrdiff_t rows, int m,
                                int i, int step)
{
    if (shape == TERN_BLOCK_16X4) {
        memcpy(packed + ((ptrdiff_t)step * m + i) * TERN_PANEL_K, &four, sizeof four);
    } else if (shape == TERN_BLOCK_4X1) {
        TERN_UNROLL
        for (int j = 0; j < TERN_PANEL_K; j++)
            packed[((ptrdiff_t)step * TERN_PANEL_K + j) * rows + i] = (int16_t)(four >> 16 * j);
    } else {
        TERN_UNROLL
        for (int pair = 0; pair < 2; pair++) {
            const int32_t two = (int32_t)(four >> 32 * pair);
            memcpy(packed + (((ptrdiff_t)step * 2 + pair) * rows + i) * 2, &two, sizeof two);
        }
    }
}

/* Rows that lack are 0, so that whole registers can be multiplied. */
static ALWAYS_INLINE void pack(int16_t *packed, const int8_t *a, ptrdiff_t ld_a, const enum tern_block_shape shape,
                               int m, int k4)
{
    const ptrdiff_t rows = tern_round_up(m, TERN_SPMM_AVX2_PASS);
    if (shape != TERN_BLOCK_16X4 && m < rows)
        memset(packed, 0, (size_t)rows * (size_t)k4 * TERN_PANEL_K * sizeof *packed);
    for (int i = 0; i < m; i++) {
        const int8_t *row = a + i * ld_a;
        int step = 0;
        for (; step + 4 <= k4; step += 4) {
            int64_t four[4];
            tern_store256(four, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + step * TERN_PANEL_K))));
            for (int j = 0; j < 4; j++)
                place(packed, shape, four[j], rows, m, i, step + j);
        }
        for (; step < k4; step++) {
            int16_t wide[TERN_PANEL_K];
            int64_t four;
            for (int j = 0; j < TERN_PANEL_K; j++)
                wide[j] = row[step * TERN_PANEL_K + j];
            memcpy(&four, wide, sizeof four);
            place(packed, shape, four, rows, m, i, step);
        }
    }
}

void tern_spmm_pack_avx2(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    if (tern_spmm_few_avx2(shape, m))
        tern_spmm256_few_pack(packed, a, ld_a, shape, m, k4);
    else if (shape == TERN_BLOCK_16X4)
        pack(packed, a, ld_a, TERN_BLOCK_16X4, m, k4);
    else if (shape == TERN_BLOCK_4X1)
        pack(packed, a, ld_a, TERN_BLOCK_4X1, m, k4);
    else /* 1x4 likewise */
        pack(packed, a, ld_a, TERN_BLOCK_4X4, m, k4);
}
