/* Lays rows out for spmm_avxvnni.c, with 128 added, so that they are unsigned: [group][k step][8 rows][4], where the
   tile of a 16x4 product is a group, or for 4x1 [input][rows]; few rows as spmm_pack_256.h has them. */
#ifndef __AVXVNNI__
#error "compile with -mavxvnni"
#endif
#include "simd/table.h"
#include "simd/x86/spmm_pack_256.h"

enum {
    GROUP = TERN_SPMM_AVXVNNI_GROUP,
    GROUP_STEP = GROUP * TERN_PANEL_K, /* bytes of a group per k step */
    TILE_ROWS = TERN_SPMM_AVXVNNI_TILE,
    COLUMNS = TERN_SPMM_AVXVNNI_COLUMN,
};
_Static_assert((TERN_SPMM_ROWS + TILE_ROWS - 1) / TILE_ROWS * GROUP <= 2 * TERN_SPMM_ROWS, "tiles fit the scratch");

/* 8 rows of a k step to [4 inputs][rows]. */
static ALWAYS_INLINE void store_inputs(uint8_t *to, ptrdiff_t rows, __m256i x)
{
    const __m256i bytes =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    x = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(x, bytes), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    int64_t input[TERN_PANEL_K];
    tern_store256(input, x);
    for (int i = 0; i < TERN_PANEL_K; i++)
        memcpy(to + i * rows, &input[i], sizeof input[i]);
}

/* Up to 8 rows, the others 0, to [k step][8][4]; or, with `columns` rows to an input, to [input][columns]. */
static void pack_group(uint8_t *to, ptrdiff_t columns, const int8_t *a, ptrdiff_t ld_a, int rows, int k4)
{
    const __m256i top = _mm256_set1_epi8(-128);
    for (int k = 0; k < k4; k += 8) {
        const int steps = k4 - k < 8 ? k4 - k : 8;
        __m256i r[GROUP];
        TERN_UNROLL
        for (int j = 0; j < GROUP; j++) {
            const int8_t *from = a + j * ld_a + (ptrdiff_t)k * TERN_PANEL_K;
            r[j] = j >= rows    ? _mm256_setzero_si256()
                   : steps == 8 ? _mm256_xor_si256(tern_load256(from), top)
                                : _mm256_xor_si256(tern_load_lanes256(from, steps), top);
        }
        tern_transpose8(r);
        TERN_UNROLL
        for (int j = 0; j < GROUP; j++)
            if (j < steps && columns)
                store_inputs(to + (ptrdiff_t)(k + j) * TERN_PANEL_K * columns, columns, r[j]);
            else if (j < steps)
                tern_store256(to + (ptrdiff_t)(k + j) * GROUP_STEP, r[j]);
    }
}

static void pack(uint8_t *packed, const int8_t *a, ptrdiff_t ld_a, enum tern_block_shape shape, int m, int k4)
{
    const ptrdiff_t group = (ptrdiff_t)k4 * GROUP_STEP;
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int i = 0; shape == TERN_BLOCK_16X4 && i < tiling.tiles; i++) {
        const int first = tern_tile_start(tiling, i);
        pack_group(packed + i * group, 0, a + first * ld_a, ld_a, tern_tile_rows(tiling, i), k4);
    }
    const int rows = tern_round_up(m, shape == TERN_BLOCK_4X1 ? COLUMNS : 2 * GROUP);
    for (int i = 0; shape != TERN_BLOCK_16X4 && i < rows; i += GROUP) {
        uint8_t *to = shape == TERN_BLOCK_4X1 ? packed + i : packed + i / GROUP * group;
        pack_group(to, shape == TERN_BLOCK_4X1 ? rows : 0, a + (i < m ? i : 0) * ld_a, ld_a, m - i, k4);
    }
}

void tern_spmm_pack_avxvnni(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    if (tern_spmm_few_avxvnni(shape, m))
        tern_spmm256_few_pack(packed, a, ld_a, shape, m, k4);
    else
        pack(packed, a, ld_a, shape, m, k4);
}
