/* Blocks of 16x4 with vpdpbusd: the channels in the lanes, activations broadcast, as in the dense kernel. Included by a
   kernel that has defined add_product and four. */
#ifndef TERN_X86_SPMM512_WIDE_H
#define TERN_X86_SPMM512_WIDE_H

#include "simd/x86/avx512.h"

enum { TILE_ROWS = 16 };

struct tile {
    const uint8_t *x; /* [k steps][16][4] */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    __m512i excess; /* 128 times the sum of each channel's weights */
    int32_t *c;
    ptrdiff_t ld_c;
};

#define ALL_ROWS(do)                                                                                                   \
    do                                                                                                                 \
    (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)

#define START(i) __m512i s##i = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        s##i = add_product(s##i, input(x, i, quad), w);                                                                \
    }
#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, _mm512_sub_epi32(s##i, t->excess));

/* Row i's four inputs in every lane. A quarter of the rows take them by a shuffle of one load, because a load that
   broadcasts 32 bits is slower than the products that wait for it (Zen 5: 1.4 a cycle; 3.05 to 3.45 times dense). */
static ALWAYS_INLINE __m512i input(const uint8_t *x, const int i, __m512i quad)
{
    switch (i) {
    case 0: return _mm512_shuffle_epi32(quad, 0x00);
    case 1: return _mm512_shuffle_epi32(quad, 0x55);
    case 2: return _mm512_shuffle_epi32(quad, 0xAA);
    case 3: return _mm512_shuffle_epi32(quad, 0xFF);
    default: return four(x + 4 * i);
    }
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m512i zero = _mm512_setzero_si512();
    ALL_ROWS(START)
    const int8_t *value = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, value += TERN_LINE) {
        const uint8_t *x = t->x + *index * TERN_LINE;
        const __m512i w = _mm512_loadu_si512(value);
        const __m512i quad = _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)x));
        ALL_ROWS(MULTIPLY)
    }
    ALL_ROWS(STORE)
}

/* Few rows: four blocks at a time, each with sums of its own, because a product waits for the one before. */
#define FEW_ROWS(do)                                                                                                   \
    do                                                                                                                 \
    (0) do(1) do(2) do(3)
#define START_FEW(i) __m512i s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;
#define MULTIPLY_FEW(i)                                                                                                \
    if (i < rows) {                                                                                                    \
        s##i##_0 = add_product(s##i##_0, four(x0 + 4 * i), w0);                                                        \
        s##i##_1 = add_product(s##i##_1, four(x1 + 4 * i), w1);                                                        \
        s##i##_2 = add_product(s##i##_2, four(x2 + 4 * i), w2);                                                        \
        s##i##_3 = add_product(s##i##_3, four(x3 + 4 * i), w3);                                                        \
    }
#define MULTIPLY_ONE(i)                                                                                                \
    if (i < rows)                                                                                                      \
        s##i##_0 = add_product(s##i##_0, four(x0 + 4 * i), w0);
#define STORE_FEW(i)                                                                                                   \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c,                                                                        \
                            _mm512_sub_epi32(_mm512_add_epi32(_mm512_add_epi32(s##i##_0, s##i##_1),                    \
                                                              _mm512_add_epi32(s##i##_2, s##i##_3)),                   \
                                             t->excess));

static ALWAYS_INLINE void few_tile(const struct tile *t, const int rows)
{
    const __m512i zero = _mm512_setzero_si512();
    FEW_ROWS(START_FEW)
    const int8_t *value = t->value;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 4; index += 4, value += 4 * TERN_LINE) {
        const uint8_t *x0 = t->x + index[0] * TERN_LINE, *x1 = t->x + index[1] * TERN_LINE;
        const uint8_t *x2 = t->x + index[2] * TERN_LINE, *x3 = t->x + index[3] * TERN_LINE;
        const __m512i w0 = _mm512_loadu_si512(value), w1 = _mm512_loadu_si512(value + TERN_LINE);
        const __m512i w2 = _mm512_loadu_si512(value + 2 * TERN_LINE), w3 = _mm512_loadu_si512(value + 3 * TERN_LINE);
        FEW_ROWS(MULTIPLY_FEW)
    }
    for (; index < end; index++, value += TERN_LINE) {
        const uint8_t *x0 = t->x + *index * TERN_LINE;
        const __m512i w0 = _mm512_loadu_si512(value);
        FEW_ROWS(MULTIPLY_ONE)
    }
    FEW_ROWS(STORE_FEW)
}

typedef void tile_fn(const struct tile *t);

#define TILE(name, rows)                                                                                               \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        name(t, rows);                                                                                                 \
    }
TILE(few_tile, 1)
TILE(few_tile, 2)
TILE(few_tile, 3) TILE(few_tile, 4) TILE(tile, 5) TILE(tile, 6) TILE(tile, 7) TILE(tile, 8) TILE(tile, 9) TILE(tile, 10)
    TILE(tile, 11) TILE(tile, 12) TILE(tile, 13) TILE(tile, 14) TILE(tile, 15)
        TILE(tile, 16) static tile_fn *const tiles[TILE_ROWS] = {tile_1,  tile_2,  tile_3,  tile_4,  tile_5,  tile_6,
                                                                 tile_7,  tile_8,  tile_9,  tile_10, tile_11, tile_12,
                                                                 tile_13, tile_14, tile_15, tile_16};

/* 128 times the sums of a line's 16 groups of four, over `lines` lines; two sums side by side. */
static ALWAYS_INLINE __m512i excess_of(const int8_t *value, int lines)
{
    const __m512i offset = _mm512_set1_epi8(-128);
    __m512i even = _mm512_setzero_si512(), odd = even;
    for (int i = 0; i + 1 < lines; i += 2, value += 2 * TERN_LINE) {
        even = add_product(even, offset, _mm512_loadu_si512(value));
        odd = add_product(odd, offset, _mm512_loadu_si512(value + TERN_LINE));
    }
    if (lines & 1)
        even = add_product(even, offset, _mm512_loadu_si512(value));
    return _mm512_add_epi32(even, odd);
}

/* Some panels by all tiles, so that the tile's rows and the panels' blocks stay near. */
enum { PANEL_BLOCK = 16 };

static void wide_panels(const struct tern_sparse *w, const uint8_t *packed, int32_t *c, ptrdiff_t ld_c, int m,
                        int panels, int k4)
{
    __m512i excess[PANEL_BLOCK];
    for (int first = 0; first < panels; first += PANEL_BLOCK) {
        const int count = panels - first < PANEL_BLOCK ? panels - first : PANEL_BLOCK;
        for (int j = 0; j < count; j++) {
            const struct tern_sparse_panel p = tern_sparse_panel_at(w, first + j);
            excess[j] = excess_of(p.value, *p.count);
        }
        for (int i = 0; i < m; i += TILE_ROWS) {
            const uint8_t *x = packed + (ptrdiff_t)i / TILE_ROWS * k4 * TERN_LINE;
            tile_fn *const run = tiles[(m - i < TILE_ROWS ? m - i : TILE_ROWS) - 1];
            for (int j = 0; j < count; j++) {
                const struct tern_sparse_panel p = tern_sparse_panel_at(w, first + j);
                const struct tile t = {
                    x, p.value, p.index, *p.count, excess[j], c + i * ld_c + (ptrdiff_t)(first + j) * TERN_PANEL, ld_c};
                run(&t);
            }
        }
    }
}

#endif
