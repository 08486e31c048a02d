/* Multiplies int8 matrices with the VEX form of vpdpbusd, for CPUs that have it without AVX-512. As in
   gemm_s8_avx512vnni.c the activations stay signed, the weights become unsigned by flipping their top bit, and each
   row's sum starts at -128 * (sum of the row's activations); all of it wraps modulo 2^32, so it is exact whenever the
   result fits.

   A register holds one k step of half a panel, 8 channels x 4 inputs. A tile of 6 rows x 1 panel has 12 sums of 16
   registers: two ports with a latency of 5 cycles (Intel's Alder Lake; AMD's Zen 5 has 4) need 10. */
#ifndef __AVXVNNI__
#error "compile with -mavxvnni"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

#include <string.h>

enum {
    TILE_ROWS = 6,
    STEP = TERN_PANEL * TERN_PANEL_K, /* bytes of a panel per k step */
    ROW_BLOCK = 192,                  /* rows whose starts are kept; their activations should stay in L2 */
};

struct tile {
    const int8_t *a;
    ptrdiff_t ld_a;
    const int8_t *b;
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start; /* of row_starts */
    const char *ahead;    /* weights to bring into L2 while this tile is computed, a line per k step */
    int k4;
};

// clang-format off
/* Sums are s<row>_<half>; what a tile lacks vanishes, as its size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5)
// clang-format on

#define START(i)                                                                                                       \
    __m256i s##i##_0 = i < rows ? _mm256_set1_epi32(t->start[i]) : _mm256_setzero_si256(), s##i##_1 = s##i##_0;        \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i x = tern_four256(a##i + k);                                                                      \
        s##i##_0 = _mm256_dpbusd_avx_epi32(s##i##_0, w0, x);                                                           \
        s##i##_1 = _mm256_dpbusd_avx_epi32(s##i##_1, w1, x);                                                           \
        TERN_PIN(s##i##_0);                                                                                            \
        TERN_PIN(s##i##_1);                                                                                            \
    }

#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        tern_store256(t->c + i * t->ld_c, s##i##_0);                                                                   \
        tern_store256(t->c + i * t->ld_c + 8, s##i##_1);                                                               \
    }

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m256i flip = _mm256_set1_epi8(-128);
    ALL_ROWS(START)
    const int8_t *b = t->b;
    const ptrdiff_t end = (ptrdiff_t)t->k4 * TERN_PANEL_K;
    for (ptrdiff_t k = 0; k < end; k += TERN_PANEL_K, b += STEP) {
        const __m256i w0 = _mm256_xor_si256(tern_load256(b), flip), w1 = _mm256_xor_si256(tern_load256(b + 32), flip);
        _mm_prefetch(t->ahead + k * TERN_PANEL, _MM_HINT_T1);
        ALL_ROWS(MULTIPLY)
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows);                                                                                                 \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};
// clang-format on

static void row_starts(int32_t *start, const int8_t *a, ptrdiff_t ld_a, int m, int k)
{
    const __m256i ones = _mm256_set1_epi8(1);
    for (int i = 0; i < m; i++, a += ld_a) {
        __m256i sum = _mm256_setzero_si256();
        int j = 0;
        for (; j + 32 <= k; j += 32)
            sum = _mm256_dpbusd_avx_epi32(sum, ones, tern_load256(a + j));
        int32_t total = (int32_t)tern_sum256(sum); /* at most 127 * k */
        for (; j < k; j++)
            total += a[j];
        start[i] = (int32_t)(0u - 128u * (uint32_t)total); /* may wrap */
    }
}

/* m <= ROW_BLOCK rows against all panels: each panel is swept by all the rows, in tiles of as equal heights as can be.
   The first tile brings in the panel two on, which at the end of a call is the next chunk of the matrix, or nothing of
   ours; a prefetch does not read. */
static void row_block(struct tile t, int m, int panels)
{
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    const ptrdiff_t panel = (ptrdiff_t)t.k4 * STEP;
    for (int p = 0; p < panels; p++, t.b += panel, t.c += TERN_PANEL) {
        struct tile u = t;
        for (int block = 0; block < tiling.tiles; block++) {
            const int rows = tern_tile_rows(tiling, block);
            u.ahead = (const char *)((uintptr_t)t.b + (block ? 0 : (uintptr_t)panel * 2));
            tiles[rows - 1](&u);
            u.a += rows * u.ld_a;
            u.c += rows * u.ld_c;
            u.start += rows;
        }
    }
}

void tern_gemm_s8_avxvnni(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                          int panels, int k4, struct tern_ahead ahead)
{
    (void)ahead;
    int32_t start[ROW_BLOCK];
    for (int i = 0; i < m; i += ROW_BLOCK) {
        const int rows = m - i < ROW_BLOCK ? m - i : ROW_BLOCK;
        const struct tile t = {a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, start, NULL, k4};
        row_starts(start, t.a, ld_a, rows, k4 * TERN_PANEL_K);
        row_block(t, rows, panels);
    }
}
