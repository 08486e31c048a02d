/* Template: the int8 GEMM with 512-bit registers, its tiles and its walk over rows and panels; gives gemm_s8().

   Parameters, which the kernel defines before it includes this (product_512_vnni.h has them):
     struct weights                                one k step of a panel, 16 channels x 4 inputs, ready to multiply
     struct weights weights_of(__m512i b)
     __m512i add_product(__m512i sum, struct weights w, __m512i x)      x: four activations in every lane
     void row_starts(int32_t *start, const int8_t *a, ptrdiff_t ld_a, int m, int k)      what each row's sums start at
   Included by gemm_s8_avx512vnni.c.

   One k step of a panel is one register. A tile of 12 rows x 2 panels holds 24 sums, which hides the latency of the
   products and leaves registers for the rest. More panels side by side are more streams of weights from memory, and
   slower (8 rows, 42 MB of weights, Zen 5: 8 x 3 1.6 ms, 8 x 2 0.75 ms, the memory's speed). A tile of up to 4 rows is
   one panel, four k steps at a time. */
#ifndef TERN_X86_GEMM_S8_512_TEMPLATE_H
#define TERN_X86_GEMM_S8_512_TEMPLATE_H

#include "simd/x86/avx512.h"

#include <string.h>

enum {
    TILE_ROWS = 12,
    STEP = TERN_PANEL * TERN_PANEL_K, /* bytes of a panel per k step */
    ROW_BLOCK = 192,                  /* rows whose starts are kept; their activations should stay in L2 */
};

struct tile {
    const int8_t *a;
    ptrdiff_t ld_a;
    const int8_t *b;
    int32_t *c;
    ptrdiff_t ld_c;
    const int32_t *start;   /* of row_starts */
    const char *ahead;      /* weights to bring into L2 while this tile is computed: two lines per k step */
    ptrdiff_t ahead_stride; /* between the two; 0 makes them one */
    int k4;
};

// clang-format off
/* The sums are named, s<row>_<panel>, and the rows written out by macro: arrays and loops depend on how a compiler
   unrolls. What a tile lacks vanishes, as its size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11)
// clang-format on

#define START(i) __m512i s##i##_0 = i < rows ? _mm512_set1_epi32(t->start[i]) : zero, s##i##_1 = s##i##_0;

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m512i x = tern_four512(a##i);                                                                          \
        s##i##_0 = add_product(s##i##_0, w0, x);                                                                       \
        if (panels > 1)                                                                                                \
            s##i##_1 = add_product(s##i##_1, w1, x);                                                                   \
        TERN_KEEP_ORDER();                                                                                             \
    }

#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        int32_t *c = t->c + i * t->ld_c;                                                                               \
        _mm512_storeu_si512(c, s##i##_0);                                                                              \
        if (panels > 1)                                                                                                \
            _mm512_storeu_si512(c + TERN_PANEL, s##i##_1);                                                             \
    }

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int panels)
{
    const __m512i zero = _mm512_setzero_si512();
    ALL_ROWS(START)
    /* A base for every third row: base + 0, 1 or 2 strides is one address, so 12 rows need only five registers. */
    const ptrdiff_t ld_a = t->ld_a, ld_b = (ptrdiff_t)t->k4 * STEP;
    const int8_t *r0 = t->a, *r3 = r0 + 3 * ld_a, *r6 = r3 + 3 * ld_a, *r9 = r6 + 3 * ld_a;
    const int8_t *b = t->b, *end = b + ld_b;
    const char *ahead = t->ahead;
    const ptrdiff_t ahead_stride = t->ahead_stride;
    UNROLL_BY2
    for (; b < end; b += STEP) {
        const struct weights w0 = weights_of(_mm512_loadu_si512(b));
        const struct weights w1 = panels > 1 ? weights_of(_mm512_loadu_si512(b + ld_b)) : w0;
        const int8_t *a0 = r0, *a1 = r0 + ld_a, *a2 = r0 + 2 * ld_a, *a3 = r3, *a4 = r3 + ld_a, *a5 = r3 + 2 * ld_a;
        const int8_t *a6 = r6, *a7 = r6 + ld_a, *a8 = r6 + 2 * ld_a, *a9 = r9, *a10 = r9 + ld_a, *a11 = r9 + 2 * ld_a;
        _mm_prefetch(ahead, _MM_HINT_T1);
        _mm_prefetch(ahead + ahead_stride, _MM_HINT_T1);
        ahead += STEP;
        ALL_ROWS(MULTIPLY)
        r0 += TERN_PANEL_K, r3 += TERN_PANEL_K, r6 += TERN_PANEL_K, r9 += TERN_PANEL_K;
    }
    ALL_ROWS(STORE)
}

// clang-format off
/* One panel by few rows: sums s<row>_<k step modulo 4>. */
#define FEW_ROWS(do) do(0) do(1) do(2) do(3)
// clang-format on

#define START_STEPS(i)                                                                                                 \
    __m512i s##i##_0 = i < rows ? _mm512_set1_epi32(t->start[i]) : zero, s##i##_1 = zero, s##i##_2 = zero;             \
    __m512i s##i##_3 = zero;                                                                                           \
    const int8_t *a##i = t->a + (i < rows ? i : 0) * t->ld_a;

#define MULTIPLY_STEPS(i)                                                                                              \
    if (i < rows) {                                                                                                    \
        s##i##_0 = add_product(s##i##_0, w0, tern_four512(a##i));                                                      \
        s##i##_1 = add_product(s##i##_1, w1, tern_four512(a##i + TERN_PANEL_K));                                       \
        s##i##_2 = add_product(s##i##_2, w2, tern_four512(a##i + 2 * TERN_PANEL_K));                                   \
        s##i##_3 = add_product(s##i##_3, w3, tern_four512(a##i + 3 * TERN_PANEL_K));                                   \
        a##i += 4 * TERN_PANEL_K;                                                                                      \
    }

#define MULTIPLY_STEP(i)                                                                                               \
    if (i < rows) {                                                                                                    \
        s##i##_0 = add_product(s##i##_0, w0, tern_four512(a##i));                                                      \
        a##i += TERN_PANEL_K;                                                                                          \
    }

#define STORE_STEPS(i)                                                                                                 \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, _mm512_add_epi32(_mm512_add_epi32(s##i##_0, s##i##_1),                 \
                                                                 _mm512_add_epi32(s##i##_2, s##i##_3)));

static ALWAYS_INLINE void few_tile(const struct tile *t, const int rows)
{
    const __m512i zero = _mm512_setzero_si512();
    FEW_ROWS(START_STEPS)
    const int8_t *b = t->b, *end = b + (ptrdiff_t)t->k4 * STEP;
    const char *ahead = t->ahead;
    for (; end - b >= 4 * STEP; b += 4 * STEP, ahead += 4 * STEP) {
        const struct weights w0 = weights_of(_mm512_loadu_si512(b));
        const struct weights w1 = weights_of(_mm512_loadu_si512(b + STEP));
        const struct weights w2 = weights_of(_mm512_loadu_si512(b + 2 * STEP));
        const struct weights w3 = weights_of(_mm512_loadu_si512(b + 3 * STEP));
        for (int i = 0; i < 4; i++)
            _mm_prefetch(ahead + i * STEP, _MM_HINT_T1);
        FEW_ROWS(MULTIPLY_STEPS)
    }
    for (; b < end; b += STEP) {
        const struct weights w0 = weights_of(_mm512_loadu_si512(b));
        FEW_ROWS(MULTIPLY_STEP)
    }
    FEW_ROWS(STORE_STEPS)
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(rows, panels)                                                                                             \
    static void tile_##rows##_##panels(const struct tile *t)                                                           \
    {                                                                                                                  \
        tile(t, rows, panels);                                                                                         \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6) TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#define FEW(rows)                                                                                                      \
    static void few_##rows(const struct tile *t)                                                                       \
    {                                                                                                                  \
        few_tile(t, rows);                                                                                             \
    }
FEW(1) FEW(2) FEW(3) FEW(4)
static tile_fn *const few[] = {few_1, few_2, few_3, few_4};
enum { MOST_FEW = sizeof few / sizeof *few };
// clang-format on

// clang-format off
#define PAIR(rows) {tile_##rows##_1, tile_##rows##_2}
static tile_fn *const tiles[TILE_ROWS][2] = {PAIR(1), PAIR(2), PAIR(3), PAIR(4),  PAIR(5),  PAIR(6),
                                             PAIR(7), PAIR(8), PAIR(9), PAIR(10), PAIR(11), PAIR(12)};
// clang-format on

/* Tells tile `block` of `blocks` which weights of the hint to bring into L2 while it meets `width` panels from `panel`
   on. Where there is one tile it brings in both panels of the hint, of several tiles each of the first two brings in
   one. The other tiles, and all tiles of a call without a hint, name the weights that they read themselves. */
static void look_ahead(struct tile *t, struct tern_ahead ahead, int panel, int block, int blocks, int width)
{
    const int wanted = ahead.at && block < width;
    t->ahead = wanted ? (const char *)((uintptr_t)ahead.at + (uintptr_t)ahead.panel * (uintptr_t)(panel + block))
                      : (const char *)t->b;
    t->ahead_stride = wanted && blocks == 1 ? ahead.panel : 0;
}

/* Multiplies m <= MOST_FEW rows by each panel in turn. */
static void few_rows(struct tile t, int m, int panels, struct tern_ahead ahead)
{
    for (int p = 0; p < panels; p++, t.b += (ptrdiff_t)t.k4 * STEP, t.c += TERN_PANEL) {
        look_ahead(&t, ahead, p, 0, 1, 1);
        few[m - 1](&t);
    }
}

/* m <= ROW_BLOCK rows against all panels: each pair of panels is swept by all the rows, in tiles of as equal heights as
   can be. */
static void row_block(struct tile t, int m, int panels, struct tern_ahead ahead)
{
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int p = 0; p < panels; p += 2) {
        const int width = panels - p < 2 ? 1 : 2;
        struct tile u = t;
        for (int block = 0; block < tiling.tiles; block++) {
            const int rows = tern_tile_rows(tiling, block);
            look_ahead(&u, ahead, p, block, tiling.tiles, width);
            tiles[rows - 1][width - 1](&u);
            u.a += rows * u.ld_a;
            u.c += rows * u.ld_c;
            u.start += rows;
        }
        t.b += (ptrdiff_t)width * t.k4 * STEP;
        t.c += width * TERN_PANEL;
    }
}

static ALWAYS_INLINE void gemm_s8(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                                  int panels, int k4, struct tern_ahead ahead)
{
    int32_t start[ROW_BLOCK];
    for (int i = 0; i < m; i += ROW_BLOCK) {
        const int rows = m - i < ROW_BLOCK ? m - i : ROW_BLOCK;
        struct tile t = {a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, start, NULL, 0, k4};
        row_starts(start, t.a, ld_a, rows, k4 * TERN_PANEL_K);
        if (rows <= MOST_FEW)
            few_rows(t, rows, panels, ahead);
        else
            row_block(t, rows, panels, ahead);
    }
}

#endif
