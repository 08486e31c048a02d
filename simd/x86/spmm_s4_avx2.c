/* Multiplies block-sparse 4-bit weights, in blocks of 16x4, with pmaddubsw: unpacked in registers, channels in the
   lanes. Values are looked up as unsigned ones (value + offset <= 30), two products fit 16 bits; offset * (sum of their
   two activations), which packing has laid beside them, comes off, and pmaddwd by the multipliers of the block's group
   takes them to 32 bits. A group has few blocks left, so that nothing is gained by adding within it first. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"
#include "simd/x86/spmm_rows.h"

_Static_assert(2 * 30 * 127 <= INT16_MAX, "a pair of products in 16 bits");

enum { ROWS = 4, HALF = TERN_LINE / 2, CHANNELS = TERN_PANEL / 2, AHEAD = 64 * TERN_LINE };

struct tile {
    const struct tern_spmm_s4_input *x; /* [k4][m], from the tile's first row on */
    ptrdiff_t m;
    const uint8_t *line, *mul; /* of the panel */
    const uint16_t *index;
    int blocks, shift;       /* k steps of a group: 1 << shift */
    __m256i value, fours[2]; /* value + offset of each code; spread 8 of 16 multipliers to pairs of 16 bits */
    int32_t *c;
    ptrdiff_t ld_c;
};

// clang-format off
#define ALL_ROWS(do) do(0) do(1) do(2) do(3)
#define START(i) __m256i low##i = zero, high##i = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i four = _mm256_set1_epi32(x[i].four), excess = _mm256_set1_epi32(x[i].excess);                    \
        low##i = add_scaled(low##i, w0, four, excess, mul0);                                                           \
        high##i = add_scaled(high##i, w1, four, excess, mul1);                                                         \
    }
#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        tern_store256(t->c + i * t->ld_c, low##i);                                                                     \
        tern_store256(t->c + i * t->ld_c + CHANNELS, high##i);                                                         \
    }
/* A block of all 16 channels: `codes` of each half with the block's in the low nibbles. */
#define BLOCK(codes0, codes1, step)                                                                                    \
    {                                                                                                                  \
        const struct tern_spmm_s4_input *x = t->x + (step) * t->m;                                                     \
        const __m256i w0 = _mm256_shuffle_epi8(t->value, _mm256_and_si256(codes0, nibble));                            \
        const __m256i w1 = _mm256_shuffle_epi8(t->value, _mm256_and_si256(codes1, nibble));                            \
        const __m256i muls = muls_of(t, step);                                                                         \
        const __m256i mul0 = _mm256_shuffle_epi8(muls, t->fours[0]), mul1 = _mm256_shuffle_epi8(muls, t->fours[1]);    \
        ALL_ROWS(MULTIPLY)                                                                                             \
    }
// clang-format on

static ALWAYS_INLINE __m256i add_scaled(__m256i sum, __m256i value, __m256i four, __m256i excess, __m256i mul)
{
    const __m256i two = _mm256_sub_epi16(_mm256_maddubs_epi16(value, four), excess);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(two, mul));
    TERN_PIN(sum); /* else gcc copies sums at every step, and spills */
    return sum;
}

static ALWAYS_INLINE __m256i muls_of(const struct tile *t, int step)
{
    const uint8_t *mul = t->mul + (ptrdiff_t)(step >> t->shift) * TERN_PANEL;
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)mul));
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m256i zero = _mm256_setzero_si256(), nibble = _mm256_set1_epi8(15);
    ALL_ROWS(START)
    const uint8_t *line = t->line;
    const uint16_t *index = t->index, *end = index + t->blocks;
    for (; end - index >= 2; index += 2, line += TERN_LINE) {
        const __m256i codes0 = tern_load256(line), codes1 = tern_load256(line + HALF);
        _mm_prefetch((const char *)((uintptr_t)line + AHEAD), _MM_HINT_T0);
        BLOCK(codes0, codes1, index[0])
        BLOCK(_mm256_srli_epi16(codes0, 4), _mm256_srli_epi16(codes1, 4), index[1])
    }
    if (index < end)
        BLOCK(tern_load256(line), tern_load256(line + HALF), index[0])
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

void tern_spmm_s4_avx2(const void *packed, const struct tern_sparse *w, const struct tern_codes *codes, int32_t *c,
                       ptrdiff_t ld_c, int m, int panels, int k4)
{
    const struct tern_codebook *book = codes->book;
    const __m128i value = _mm_add_epi8(_mm_loadu_si128((const __m128i *)book->value), _mm_set1_epi8(book->offset));
    const __m256i byte = _mm256_set1_epi32((int32_t)0x80008000), channel = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i first = _mm256_or_si256(byte, _mm256_or_si256(channel, _mm256_slli_epi32(channel, 16)));
    struct tile t = {.m = m,
                     .shift = __builtin_ctz((unsigned)codes->group),
                     .value = _mm256_broadcastsi128_si256(value),
                     .fours = {first, _mm256_or_si256(first, _mm256_set1_epi32(0x00080008))},
                     .ld_c = ld_c};
    for (int j = 0; j < panels; j++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
        const struct tern_codes at = tern_sparse_codes_at(w, codes, j, k4);
        t.line = at.line;
        t.mul = at.mul;
        t.index = p.index;
        t.blocks = *p.count;
        for (int i = 0; i < m; i += ROWS) {
            t.x = (const struct tern_spmm_s4_input *)packed + i;
            t.c = c + i * ld_c + (ptrdiff_t)j * TERN_PANEL;
            tiles[(m - i < ROWS ? m - i : ROWS) - 1](&t);
        }
    }
}
