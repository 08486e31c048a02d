/* Template: blocks of 16x4 times rows of [k step][16 rows][4] with 512-bit registers, channels in the lanes; gives
   wide_panels().

   Parameter, which the kernel defines before it includes this:
     static ALWAYS_INLINE __m512i add_product(__m512i sum, __m512i x, __m512i w)      x unsigned, w signed
   Included by spmm_avx512vnni.c.

   One load fills each 64 bits with two rows' inputs. They meet the weights as they are and with neighbouring channels
   changed over: two products for 16 channels by two rows. So 16 rows take nine loads and one shuffle a block, where
   broadcasting each row takes 17 loads, the limit where two a cycle are read, and four rows in 128 bits take three
   shuffles, the limit where these share a port with the products (Intel). The sums then lie crosswise, which two masked
   shuffles for two rows set right once per tile. */
#ifndef TERN_X86_SPMM_512_WIDE_TEMPLATE_H
#define TERN_X86_SPMM_512_WIDE_TEMPLATE_H

#include "simd/x86/avx512.h"

#include <string.h>

enum {
    TILE_ROWS = 16,
    QUAD_ROWS = 4,
    QUAD_BYTES = QUAD_ROWS * TERN_PANEL_K,
    PANEL_BLOCK = 16, /* panels by all tiles, so that the tile's rows and the panels' blocks stay near */
};

struct tile {
    const uint8_t *x; /* [k steps][16][4] */
    const int8_t *value;
    ptrdiff_t ahead; /* from value to what may be brought into L2 meanwhile: the same place in the next panels */
    const uint16_t *index;
    int blocks;
    __m512i *excess; /* 128 times the sum of each channel's weights: made by the first rows' tile, read by the others */
    int32_t *c;
    ptrdiff_t ld_c;
    int rows;
};

/* A block's weights, and with neighbouring channels changed over. */
struct weights {
    __m512i straight, crossed;
};
static ALWAYS_INLINE struct weights weights_at(const int8_t *value)
{
    const __m512i w = _mm512_loadu_si512(value);
    const struct weights both = {w, _mm512_shuffle_epi32(w, 0xB1)};
    return both;
}

/* The sums of two rows by 16 channels: of `straight` even lanes are the first row's and odd ones the second's, of
   `crossed` too, but lane j is channel j + 1 or j - 1 there. */
struct pair {
    __m512i straight, crossed;
};
static ALWAYS_INLINE struct pair add_pair(struct pair p, const uint8_t *x, struct weights w)
{
    int64_t two;
    memcpy(&two, x, sizeof two);
    const __m512i rows = _mm512_set1_epi64(two);
    p.straight = add_product(p.straight, rows, w.straight);
    p.crossed = add_product(p.crossed, rows, w.crossed);
    return p;
}

struct quad {
    struct pair a, b;
};
static ALWAYS_INLINE struct quad no_sums(void)
{
    const __m512i zero = _mm512_setzero_si512();
    const struct quad q = {{zero, zero}, {zero, zero}};
    return q;
}
static ALWAYS_INLINE struct quad add_block(struct quad q, const uint8_t *x, struct weights w)
{
    q.a = add_pair(q.a, x, w);
    q.b = add_pair(q.b, x + 2 * TERN_PANEL_K, w);
    return q;
}

static ALWAYS_INLINE struct pair add_pairs(struct pair a, struct pair b)
{
    const struct pair sum = {_mm512_add_epi32(a.straight, b.straight), _mm512_add_epi32(a.crossed, b.crossed)};
    return sum;
}
static ALWAYS_INLINE struct quad add_quads(struct quad a, struct quad b)
{
    const struct quad sum = {add_pairs(a.a, b.a), add_pairs(a.b, b.b)};
    return sum;
}

static ALWAYS_INLINE void store_pair(int32_t *c, ptrdiff_t ld_c, int rows, struct pair p, __m512i excess)
{
    if (rows > 0)
        _mm512_storeu_si512(c,
                            _mm512_sub_epi32(_mm512_mask_shuffle_epi32(p.straight, 0xAAAA, p.crossed, 0xB1), excess));
    if (rows > 1)
        _mm512_storeu_si512(c + ld_c,
                            _mm512_sub_epi32(_mm512_mask_shuffle_epi32(p.straight, 0x5555, p.crossed, 0xB1), excess));
}
static ALWAYS_INLINE void store_quad(const struct tile *t, int first, struct quad q, __m512i excess)
{
    int32_t *c = t->c + first * t->ld_c;
    store_pair(c, t->ld_c, t->rows - first, q.a, excess);
    store_pair(c + 2 * t->ld_c, t->ld_c, t->rows - first - 2, q.b, excess);
}

static ALWAYS_INLINE __m512i add_excess(__m512i sum, __m512i weights)
{
    return add_product(sum, _mm512_set1_epi8(-128), weights);
}

/* 9 to 16 rows. */
static ALWAYS_INLINE void tile(const struct tile *t, const int quads, const int first)
{
    __m512i excess = first ? _mm512_setzero_si512() : *t->excess;
    struct quad q0 = no_sums();
    struct quad q1 = q0, q2 = q0, q3 = q0;
    const int8_t *value = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, value += TERN_LINE) {
        const uint8_t *x = t->x + *index * TERN_LINE;
        const struct weights w = weights_at(value);
        _mm_prefetch((const char *)((uintptr_t)value + (uintptr_t)t->ahead), _MM_HINT_T1);
        q0 = add_block(q0, x, w);
        q1 = add_block(q1, x + QUAD_BYTES, w);
        q2 = add_block(q2, x + 2 * QUAD_BYTES, w);
        if (quads > 3)
            q3 = add_block(q3, x + 3 * QUAD_BYTES, w);
        if (first)
            excess = add_excess(excess, w.straight);
    }
    store_quad(t, 0, q0, excess);
    store_quad(t, QUAD_ROWS, q1, excess);
    store_quad(t, 2 * QUAD_ROWS, q2, excess);
    if (quads > 3)
        store_quad(t, 3 * QUAD_ROWS, q3, excess);
    if (first)
        *t->excess = excess;
}

/* Up to 8 rows: two blocks at a time, because a product waits for the one before. */
static ALWAYS_INLINE void few_tile(const struct tile *t, const int quads, const int first)
{
    __m512i excess = first ? _mm512_setzero_si512() : *t->excess;
    struct quad a0 = no_sums();
    struct quad a1 = a0, b0 = a0, b1 = a0;
    const int8_t *value = t->value;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 2; index += 2, value += 2 * TERN_LINE) {
        const uint8_t *x = t->x + index[0] * TERN_LINE, *y = t->x + index[1] * TERN_LINE;
        const struct weights v = weights_at(value), w = weights_at(value + TERN_LINE);
        a0 = add_block(a0, x, v);
        b0 = add_block(b0, y, w);
        if (quads > 1) {
            a1 = add_block(a1, x + QUAD_BYTES, v);
            b1 = add_block(b1, y + QUAD_BYTES, w);
        }
        if (first)
            excess = add_excess(add_excess(excess, v.straight), w.straight);
    }
    if (index < end) {
        const uint8_t *x = t->x + index[0] * TERN_LINE;
        const struct weights w = weights_at(value);
        a0 = add_block(a0, x, w);
        if (quads > 1)
            a1 = add_block(a1, x + QUAD_BYTES, w);
        if (first)
            excess = add_excess(excess, w.straight);
    }
    store_quad(t, 0, add_quads(a0, b0), excess);
    if (quads > 1)
        store_quad(t, QUAD_ROWS, add_quads(a1, b1), excess);
    if (first)
        *t->excess = excess;
}

/* One row: broadcast, two blocks at a time; its weights' sums beside. */
static ALWAYS_INLINE void row_tile(const struct tile *t, const int first)
{
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, e0 = s0, e1 = s0;
    const int8_t *value = t->value;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 2; index += 2, value += 2 * TERN_LINE) {
        const __m512i v = _mm512_loadu_si512(value), w = _mm512_loadu_si512(value + TERN_LINE);
        s0 = add_product(s0, tern_four512(t->x + index[0] * TERN_LINE), v);
        s1 = add_product(s1, tern_four512(t->x + index[1] * TERN_LINE), w);
        if (first) {
            e0 = add_excess(e0, v);
            e1 = add_excess(e1, w);
        }
    }
    if (index < end) {
        const __m512i w = _mm512_loadu_si512(value);
        s0 = add_product(s0, tern_four512(t->x + *index * TERN_LINE), w);
        e0 = first ? add_excess(e0, w) : e0;
    }
    const __m512i excess = first ? _mm512_add_epi32(e0, e1) : *t->excess;
    _mm512_storeu_si512(t->c, _mm512_sub_epi32(_mm512_add_epi32(s0, s1), excess));
    if (first)
        *t->excess = excess;
}

typedef void tile_fn(const struct tile *t);

#define TILE(name, call)                                                                                               \
    static void name(const struct tile *t)                                                                             \
    {                                                                                                                  \
        call;                                                                                                          \
    }
TILE(row_first, row_tile(t, 1))
TILE(row_later, row_tile(t, 0))
TILE(quad1_first, few_tile(t, 1, 1))
TILE(quad1_later, few_tile(t, 1, 0))
TILE(quad2_first, few_tile(t, 2, 1))
TILE(quad2_later, few_tile(t, 2, 0))
TILE(quad3_first, tile(t, 3, 1))
TILE(quad3_later, tile(t, 3, 0))
TILE(quad4_first, tile(t, 4, 1))
TILE(quad4_later, tile(t, 4, 0))

/* The tile for so many rows; the first rows' tile makes the excess that the others read. */
static tile_fn *tile_of(int rows, int first)
{
    static tile_fn *const quads[4][2] = {
        {quad1_later, quad1_first}, {quad2_later, quad2_first}, {quad3_later, quad3_first}, {quad4_later, quad4_first}};
    if (rows == 1)
        return first ? row_first : row_later;
    return quads[(rows - 1) / QUAD_ROWS][first];
}

static void wide_panels(const struct tern_sparse *w, const uint8_t *packed, int32_t *c, ptrdiff_t ld_c, int m,
                        int panels, int k4)
{
    __m512i excess[PANEL_BLOCK];
    for (int first = 0; first < panels; first += PANEL_BLOCK) {
        const int count = panels - first < PANEL_BLOCK ? panels - first : PANEL_BLOCK;
        const ptrdiff_t bytes = (ptrdiff_t)(w->first[first + count] - w->first[first]) * TERN_LINE;
        for (int i = 0; i < m; i += TILE_ROWS) {
            const int rows = m - i < TILE_ROWS ? m - i : TILE_ROWS;
            tile_fn *const run = tile_of(rows, i == 0);
            for (int j = 0; j < count; j++) {
                const struct tern_sparse_panel p = tern_sparse_panel_at(w, first + j);
                const struct tile t = {.x = packed + (ptrdiff_t)i / TILE_ROWS * k4 * TERN_LINE,
                                       .value = p.value,
                                       .ahead = i ? 0 : bytes,
                                       .index = p.index,
                                       .blocks = *p.count,
                                       .excess = &excess[j],
                                       .c = c + i * ld_c + (ptrdiff_t)(first + j) * TERN_PANEL,
                                       .ld_c = ld_c,
                                       .rows = rows};
                run(&t);
            }
        }
    }
}

#endif
