/* Multiplies block-sparse 4-bit weights, in blocks of 16x4, with vpdpbusd: unpacked in registers, channels in the
   lanes, as the int8 kernel does it; activations are unsigned, packed with 128 added, and 128 times the sum of a
   channel's weights comes off at the end. A group has few blocks left, so multipliers are met block by block: values
   begin at 0, so that a 16-bit multiplication takes two of them times their multiplier without a carry, and offset *
   multiplier comes off each.

   Four rows' inputs by one load against turned weights, as the int8 kernel has them, were slower (Zen 5, 768 x 768, 20
   % left, 4 rows: 2.6 us against 2.3; 16 rows: 5.9 against 5.6): here arithmetic is the limit, and turning adds to it.
   */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"
#include "simd/x86/spmm_rows.h"

enum { FEW_ROWS = TERN_SPMM_S4_FEW, TILE_ROWS = 16, AHEAD = 64 * TERN_LINE };

struct tile {
    const uint8_t *x;          /* of the tile's rows, [k4][4 or 16][4] */
    ptrdiff_t step;            /* bytes between k steps of x */
    const uint8_t *line, *mul; /* of the panel */
    const uint16_t *index;
    int blocks, shift;     /* k steps of a group: 1 << shift */
    __m512i value, offset; /* value + offset of each code; offset in each byte */
    __m512i fours;         /* spreads 16 multipliers to the 16-bit pairs of their four values */
    int32_t *c;
    ptrdiff_t ld_c;
};

static ALWAYS_INLINE __m512i add_product(__m512i sum, __m512i x, __m512i w)
{
    sum = _mm512_dpbusd_epi32(sum, x, w);
    TERN_PIN(sum); /* else gcc copies sums at every step, and spills */
    return sum;
}

/* The values of the block in the low nibbles of `codes`. */
static ALWAYS_INLINE __m512i values(const struct tile *t, __m512i codes, int step)
{
    const __m128i mul = _mm_loadu_si128((const __m128i *)(t->mul + (ptrdiff_t)(step >> t->shift) * TERN_PANEL));
    const __m512i pairs = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(mul), t->fours);
    const __m512i up = _mm512_shuffle_epi8(t->value, _mm512_and_si512(codes, _mm512_set1_epi8(15)));
    return _mm512_sub_epi8(_mm512_mullo_epi16(up, pairs), _mm512_mullo_epi16(pairs, t->offset));
}
static ALWAYS_INLINE __m512i high_values(const struct tile *t, __m512i codes, int step)
{
    return values(t, _mm512_srli_epi16(codes, 4), step);
}

/* Row i's four inputs in every lane. With many rows some take them by a shuffle of one load, because loads that
   broadcast 32 bits are slower than the products that wait for them. */
static ALWAYS_INLINE __m512i input(const uint8_t *x, const int i, __m512i quad, const int rows)
{
    if (rows > FEW_ROWS && i == 0)
        return _mm512_shuffle_epi32(quad, 0x00);
    if (rows > FEW_ROWS && i == 1)
        return _mm512_shuffle_epi32(quad, 0x55);
    if (rows > FEW_ROWS && i == 2)
        return _mm512_shuffle_epi32(quad, 0xAA);
    if (rows > FEW_ROWS && i == 3)
        return _mm512_shuffle_epi32(quad, 0xFF);
    return tern_four512(x + TERN_PANEL_K * i);
}

/* ---- Up to 4 rows: two sums for each, that take turns ---------------------------------------------------------- */

// clang-format off
#define FEW(do) do(0) do(1) do(2) do(3)
#define START_FEW(i) __m512i s##i##_0 = zero, s##i##_1 = zero;
#define MULTIPLY_FEW(i, j)                                                                                             \
    if (i < rows)                                                                                                      \
        s##i##_##j = add_product(s##i##_##j, input(x, i, quad, rows), w);
#define MULTIPLY_EVEN(i) MULTIPLY_FEW(i, 0)
#define MULTIPLY_ODD(i) MULTIPLY_FEW(i, 1)
#define STORE_FEW(i)                                                                                                   \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c,                                                                        \
                            _mm512_sub_epi32(_mm512_add_epi32(s##i##_0, s##i##_1), _mm512_add_epi32(e0, e1)));
#define BLOCK(all, products, excess, at, weights)                                                                      \
    {                                                                                                                  \
        const uint8_t *x = t->x + (at) * t->step;                                                                      \
        const __m512i w = weights, quad = _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)x));                  \
        all(products) excess = add_product(excess, top, w);                                                            \
    }
// clang-format on

static ALWAYS_INLINE void few_tile(const struct tile *t, const int rows)
{
    const __m512i zero = _mm512_setzero_si512(), top = _mm512_set1_epi8(-128);
    __m512i e0 = zero, e1 = zero;
    FEW(START_FEW)
    const uint8_t *line = t->line;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 2; index += 2, line += TERN_LINE) {
        const __m512i codes = _mm512_loadu_si512(line);
        _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T1);
        BLOCK(FEW, MULTIPLY_EVEN, e0, index[0], values(t, codes, index[0]))
        BLOCK(FEW, MULTIPLY_ODD, e1, index[1], high_values(t, codes, index[1]))
    }
    if (index < end)
        BLOCK(FEW, MULTIPLY_EVEN, e0, index[0], values(t, _mm512_loadu_si512(line), index[0]))
    FEW(STORE_FEW)
}

/* ---- More rows ------------------------------------------------------------------------------------------------- */

// clang-format off
#define MANY(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)
#define START(i) __m512i s##i = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows)                                                                                                      \
        s##i = add_product(s##i, input(x, i, quad, rows), w);
#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, _mm512_sub_epi32(s##i, e));
// clang-format on

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m512i zero = _mm512_setzero_si512(), top = _mm512_set1_epi8(-128);
    __m512i e = zero;
    MANY(START)
    const uint8_t *line = t->line;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 2; index += 2, line += TERN_LINE) {
        const __m512i codes = _mm512_loadu_si512(line);
        BLOCK(MANY, MULTIPLY, e, index[0], values(t, codes, index[0]))
        BLOCK(MANY, MULTIPLY, e, index[1], high_values(t, codes, index[1]))
    }
    if (index < end)
        BLOCK(MANY, MULTIPLY, e, index[0], values(t, _mm512_loadu_si512(line), index[0]))
    MANY(STORE)
}

typedef void tile_fn(const struct tile *t);

// clang-format off
#define TILE(name, rows)                                                                                               \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        name(t, rows);                                                                                                 \
    }
TILE(few_tile, 1) TILE(few_tile, 2) TILE(few_tile, 3) TILE(few_tile, 4)
TILE(tile, 5) TILE(tile, 6) TILE(tile, 7) TILE(tile, 8) TILE(tile, 9) TILE(tile, 10)
TILE(tile, 11) TILE(tile, 12) TILE(tile, 13) TILE(tile, 14) TILE(tile, 15) TILE(tile, 16)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2,  tile_3,  tile_4,  tile_5,  tile_6,  tile_7,  tile_8,
                                          tile_9, tile_10, tile_11, tile_12, tile_13, tile_14, tile_15, tile_16};
// clang-format on

void tern_spmm_s4_avx512vnni(const void *packed, const struct tern_sparse *w, const struct tern_codes *codes,
                             int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    const int few = m <= FEW_ROWS;
    const __m128i offset = _mm_set1_epi8(codes->book->offset);
    const __m512i channel = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    struct tile t = {
        .step = few ? FEW_ROWS * TERN_PANEL_K : TERN_LINE,
        .shift = __builtin_ctz((unsigned)codes->group),
        .value = _mm512_broadcast_i32x4(_mm_add_epi8(_mm_loadu_si128((const __m128i *)codes->book->value), offset)),
        .offset = _mm512_broadcast_i32x4(offset),
        .fours = _mm512_or_si512(_mm512_set1_epi32((int32_t)0x80008000),
                                 _mm512_or_si512(channel, _mm512_slli_epi32(channel, 16))),
        .ld_c = ld_c};
    for (int i = 0; i < m; i += TILE_ROWS) {
        tile_fn *const run = tiles[(m - i < TILE_ROWS ? m - i : TILE_ROWS) - 1];
        t.x = (const uint8_t *)packed + (ptrdiff_t)i * k4 * TERN_PANEL_K;
        for (int j = 0; j < panels; j++) {
            const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
            const struct tern_codes at = tern_sparse_codes_at(w, codes, j, k4);
            t.line = at.line;
            t.mul = at.mul;
            t.index = p.index;
            t.blocks = *p.count;
            t.c = c + i * ld_c + (ptrdiff_t)j * TERN_PANEL;
            run(&t);
        }
    }
}
