/* Lays rows out for AVX2's form for few rows of narrow blocks (spmm_256_few_template.h), 16 bits to an input. */
#ifndef TERN_X86_SPMM_PACK_256_H
#define TERN_X86_SPMM_PACK_256_H

#include "simd/x86/avx2.h"
#include "simd/x86/spmm_rows.h"

/* a[rows][4 * k4] to [k4][lanes][4], for 4x1 to [4 * k4][lanes]; rows are repeated to fill the lanes. */
static inline void tern_spmm256_few_group(int16_t *packed, const int8_t *a, ptrdiff_t ld_a, enum tern_block_shape shape,
                                          int rows, int k4)
{
    const int lanes = tern_spmm_few_lanes(shape, rows);
    for (int i = 0; i < lanes; i++) {
        const int8_t *row = a + i % rows * ld_a;
        int16_t *to = packed + i * TERN_PANEL_K;
        int step = 0;
        for (; step + 4 <= k4; step += 4) {
            int64_t four[4];
            tern_store256(four, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + step * TERN_PANEL_K))));
            for (int j = 0; j < 4; j++)
                memcpy(to + (ptrdiff_t)(step + j) * lanes * TERN_PANEL_K, four + j, sizeof *four);
        }
        for (; step < k4; step++)
            for (int j = 0; j < TERN_PANEL_K; j++)
                to[(ptrdiff_t)step * lanes * TERN_PANEL_K + j] = row[step * TERN_PANEL_K + j];
    }
    if (shape != TERN_BLOCK_4X1)
        return;
    const __m256i words = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15)); /* two rows to [4 inputs][2 rows] */
    const __m256i pairs = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (int step = 0; step < k4; step++, packed += TERN_SPMM_FEW_GROUP * TERN_PANEL_K)
        tern_store256(packed, _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(tern_load256(packed), words), pairs));
}

static inline void tern_spmm256_few_pack(int16_t *packed, const int8_t *a, ptrdiff_t ld_a, enum tern_block_shape shape,
                                         int m, int k4)
{
    enum { GROUP = TERN_SPMM_FEW_GROUP };
    for (int i = 0; i < m; i += GROUP, packed += (ptrdiff_t)k4 * GROUP * TERN_PANEL_K)
        tern_spmm256_few_group(packed, a + i * ld_a, ld_a, shape, m - i < GROUP ? m - i : GROUP, k4);
}

#endif
