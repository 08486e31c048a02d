/* Template: gemm_s4 with 256-bit registers, its walk over rows and half panels (8 channels); gives gemm_s4().

   Parameter, which the kernel defines after it has included this, from struct tile and ALL_ROWS:
     static ALWAYS_INLINE void tile(const struct tile *t, const int rows)      half a panel by up to ROWS rows
   Included by gemm_s4_avx2.c and gemm_s4_avxvnni.c. */
#ifndef TERN_X86_GEMM_S4_256_TEMPLATE_H
#define TERN_X86_GEMM_S4_256_TEMPLATE_H

#include "simd/x86/avx2.h"

#include <string.h>

enum {
    ROWS = 4,
    GROUPS = 64, /* whose activations' sums are kept at a time */
    HALF = TERN_LINE / 2,
    CHANNELS = TERN_PANEL / 2,
    AHEAD = 64 * TERN_LINE, /* bytes: halves of lines come as a pattern that needs the prefetch */
};

struct tile {
    const int8_t *a;
    ptrdiff_t ld_a;
    const uint8_t *line, *mul; /* of half a panel */
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start;  /* [rows][GROUPS] -offset * (sum of a group's activations) */
    __m256i value;         /* value + offset of each code */
    int steps, group, add; /* k steps, k steps of a group; add to what c holds */
};

// clang-format off
#define ALL_ROWS(do) do(0) do(1) do(2) do(3)
// clang-format on

static ALWAYS_INLINE void tile(const struct tile *t, const int rows);

/* Eight channels' multipliers, in 32 bits. */
static ALWAYS_INLINE __m256i multipliers(const uint8_t *mul)
{
    return mul ? _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)mul)) : _mm256_set1_epi32(1);
}

/* Sum of n activations, n a multiple of 4. */
static int32_t sum_of(const int8_t *a, int n)
{
    __m256i sum = _mm256_setzero_si256();
    int32_t rest = 0;
    int i = 0;
    for (; i + 16 <= n; i += 16)
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + i))),
                                                      _mm256_set1_epi16(1)));
    for (; i < n; i++)
        rest += a[i];
    return rest + (int32_t)tern_sum256(sum);
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows);                                                                                                 \
    }
TILE(1) TILE(2) TILE(3) TILE(4)
static tile_fn *const tiles[ROWS] = {tile_1, tile_2, tile_3, tile_4};
// clang-format on

/* The starts of up to ROWS rows, t->steps steps from t->a on. */
static void make_starts(const struct tile *t, int32_t *start, int rows, int offset)
{
    for (int i = 0; i < rows; i++)
        for (int step = 0; step < t->steps; step += t->group) {
            const int count = t->steps - step < t->group ? t->steps - step : t->group;
            const int8_t *a = t->a + i * t->ld_a + step * TERN_PANEL_K;
            start[i * GROUPS + step / t->group] = -offset * sum_of(a, count * TERN_PANEL_K);
        }
}

/* Up to ROWS rows by all panels, GROUPS groups at a time. */
static void few_rows(struct tile t, const struct tern_codes *w, int rows, int panels, int k4)
{
    int32_t start[ROWS * GROUPS];
    const int depth = GROUPS * t.group;
    const int8_t *a = t.a;
    int32_t *c = t.c;
    t.start = start;
    for (int k = 0, first = 0; k < k4; k += depth, first += GROUPS) {
        t.steps = k4 - k < depth ? k4 - k : depth;
        t.add = k > 0;
        t.a = a + (ptrdiff_t)k * TERN_PANEL_K;
        make_starts(&t, start, rows, w->book->offset);
        for (int half = 0; half < 2 * panels; half++) {
            const struct tern_codes panel = tern_codes_at(w, half / 2, k4);
            t.line = panel.line + (ptrdiff_t)(k / 2) * TERN_LINE + half % 2 * HALF;
            t.mul = panel.mul ? panel.mul + first * TERN_PANEL + half % 2 * CHANNELS : NULL;
            t.c = c + half * CHANNELS;
            tiles[rows - 1](&t);
        }
    }
}

static ALWAYS_INLINE void gemm_s4(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c,
                                  ptrdiff_t ld_c, int m, int panels, int k4)
{
    const __m128i book = _mm_loadu_si128((const __m128i *)w->book->value);
    struct tile t = {.ld_a = ld_a, .ld_c = ld_c, .group = w->mul ? w->group : 32};
    t.value = _mm256_broadcastsi128_si256(_mm_add_epi8(book, _mm_set1_epi8(w->book->offset)));
    const struct tern_tiling tiling = tern_tiling_of(m, ROWS);
    for (int block = 0, i = 0, rows; block < tiling.tiles; block++, i += rows) {
        rows = tern_tile_rows(tiling, block);
        t.a = a + i * ld_a;
        t.c = c + i * ld_c;
        few_rows(t, w, rows, panels, k4);
    }
}

#endif
