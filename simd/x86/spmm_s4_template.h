/* Template: multiplies block-sparse 4-bit weights, in blocks of 16x4, with pmaddubsw: unpacked in registers, channels
   in the lanes. Values are looked up as unsigned ones (value + offset <= 30), two products fit 16 bits; offset * (sum
   of their two activations), which packing has laid beside them, comes off, and pmaddwd by the multipliers of the
   block's group takes them to 32 bits. A group has few blocks left, so that nothing is gained by adding within it
   first. Gives vi_spmm_s4().

   Included by spmm_s4_avx2.c and spmm_s4_sse41.c, after their header of vectors. */
#ifndef TERN_X86_SPMM_S4_TEMPLATE_H
#define TERN_X86_SPMM_S4_TEMPLATE_H

#include "simd/x86/spmm_rows.h"

_Static_assert(2 * 30 * 127 <= INT16_MAX, "a pair of products in 16 bits");

enum { ROWS = 4, PARTS = TERN_LINE / VI_BYTES, AHEAD = 64 * TERN_LINE };

struct tile {
    const struct tern_spmm_s4_input *x; /* [k4][m], from the tile's first row on */
    ptrdiff_t m;
    const uint8_t *line, *mul; /* of the panel */
    const uint16_t *index;
    int blocks, shift;  /* k steps of a group: 1 << shift */
    vi value, fours[2]; /* value + offset of each code; vi_fours of the two parts that the tile multiplies by */
    int32_t *c;
    ptrdiff_t ld_c;
};

// clang-format off
#define ALL_ROWS(do) do(0) do(1) do(2) do(3)
#define START(i) vi low##i = zero, high##i = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const vi four = VI(set1_epi32)(x[i].four), excess = VI(set1_epi32)(x[i].excess);                    \
        low##i = add_scaled(low##i, w0, four, excess, mul0);                                                           \
        high##i = add_scaled(high##i, w1, four, excess, mul1);                                                         \
    }
#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        vi_store(t->c + i * t->ld_c, low##i);                                                                     \
        vi_store(t->c + i * t->ld_c + VI_S32, high##i);                                                         \
    }
/* A block of two parts of the channels: `codes` of each with the block's in the low nibbles. */
#define BLOCK(codes0, codes1, step)                                                                                    \
    {                                                                                                                  \
        const struct tern_spmm_s4_input *x = t->x + (step) * t->m;                                                     \
        const vi w0 = VI(shuffle_epi8)(t->value, vi_and(codes0, nibble));                            \
        const vi w1 = VI(shuffle_epi8)(t->value, vi_and(codes1, nibble));                            \
        const vi muls = muls_of(t, step);                                                                         \
        const vi mul0 = VI(shuffle_epi8)(muls, t->fours[0]), mul1 = VI(shuffle_epi8)(muls, t->fours[1]);    \
        ALL_ROWS(MULTIPLY)                                                                                             \
    }
// clang-format on

static ALWAYS_INLINE vi add_scaled(vi sum, vi value, vi four, vi excess, vi mul)
{
    const vi two = VI(sub_epi16)(VI(maddubs_epi16)(value, four), excess);
    sum = VI(add_epi32)(sum, VI(madd_epi16)(two, mul));
    TERN_PIN(sum); /* else gcc copies sums at every step, and spills */
    return sum;
}

static ALWAYS_INLINE vi muls_of(const struct tile *t, int step)
{
    const uint8_t *mul = t->mul + (ptrdiff_t)(step >> t->shift) * TERN_PANEL;
    return vi_table(_mm_loadu_si128((const __m128i *)mul));
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const vi zero = vi_zero(), nibble = VI(set1_epi8)(15);
    ALL_ROWS(START)
    const uint8_t *line = t->line;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 2; index += 2, line += TERN_LINE) {
        const vi codes0 = vi_load(line), codes1 = vi_load(line + VI_BYTES);
        _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T0);
        BLOCK(codes0, codes1, index[0])
        BLOCK(VI(srli_epi16)(codes0, 4), VI(srli_epi16)(codes1, 4), index[1])
    }
    if (index < end)
        BLOCK(vi_load(line), vi_load(line + VI_BYTES), index[0])
    ALL_ROWS(STORE)
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

static ALWAYS_INLINE void vi_spmm_s4(const void *packed, const struct tern_sparse *w, const struct tern_codes *codes,
                                     int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    const struct tern_codebook *book = codes->book;
    const __m128i value = _mm_add_epi8(_mm_loadu_si128((const __m128i *)book->value), _mm_set1_epi8(book->offset));
    struct tile t = {.m = m, .shift = __builtin_ctz((unsigned)codes->group), .value = vi_table(value), .ld_c = ld_c};
    for (int j = 0; j < panels; j++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
        const struct tern_codes at = tern_sparse_codes_at(w, codes, j, k4);
        t.mul = at.mul;
        t.index = p.index;
        t.blocks = *p.count;
        for (int part = 0; part < PARTS; part += 2) {
            t.line = at.line + part * VI_BYTES;
            t.fours[0] = vi_fours(part), t.fours[1] = vi_fours(part + 1);
            for (int i = 0; i < m; i += ROWS) {
                t.x = (const struct tern_spmm_s4_input *)packed + i;
                t.c = c + i * ld_c + (ptrdiff_t)j * TERN_PANEL + part * VI_S32;
                tiles[(m - i < ROWS ? m - i : ROWS) - 1](&t);
            }
        }
    }
}

#endif
