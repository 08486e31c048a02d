/* Multiplies block-sparse weights with AVX2, by pmaddwd of inputs and weights widened to int16, which is exact for any
   int8 (pmaddubsw would saturate). Rows are widened once. Blocks of 16x4 keep the channels in the lanes, in the dense
   kernel's tiles of 6 rows x 2 quarters or 3 x 4, from [k step][row][4]. The others keep rows in the lanes, 8 rows x 2
   inputs to a register, and broadcast pairs of weights: from [k step][pair][row][2], or for 4x1 from [input][row],
   where two inputs are interleaved first; few rows have a form of their own (spmm_256_few_template.h). */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/spmm256.h"
#include "simd/x86/spmm_256_few_template.h"

enum {
    TILE_ROWS = 6,
    WIDE_ROWS = 3, /* up to here four quarters' sums fit the registers */
    LANES = 8,
};

#define ADD_PRODUCT(sum, w, x)                                                                                         \
    do {                                                                                                               \
        (sum) = _mm256_add_epi32(sum, _mm256_madd_epi16(w, x));                                                        \
        TERN_PIN(sum); /* else gcc copies sums at every step, and spills */                                            \
    } while (0)

static ALWAYS_INLINE __m256i widened(const int8_t *a)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)a));
}

/* ---- 16x4: channels in the lanes ------------------------------------------------------------------------------- */

struct tile {
    const int16_t *x; /* first row of the tile in k step 0 */
    ptrdiff_t step;   /* elements between k steps */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *c;
    ptrdiff_t ld_c;
};

// clang-format off
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5)
#define START(i) __m256i s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i x = four_words(a + i * TERN_PANEL_K);                                                            \
        ADD_PRODUCT(s##i##_0, w0, x);                                                                                  \
        ADD_PRODUCT(s##i##_1, w1, x);                                                                                  \
    }
#define MULTIPLY_HIGH(i)                                                                                               \
    if (i < rows) {                                                                                                    \
        const __m256i x = four_words(a + i * TERN_PANEL_K);                                                            \
        ADD_PRODUCT(s##i##_2, w2, x);                                                                                  \
        ADD_PRODUCT(s##i##_3, w3, x);                                                                                  \
    }
#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        store8(t->c + i * t->ld_c, s##i##_0, s##i##_1);                                                                \
        if (quarters == 4)                                                                                             \
            store8(t->c + i * t->ld_c + 8, s##i##_2, s##i##_3);                                                        \
    }
// clang-format on

static ALWAYS_INLINE __m256i four_words(const int16_t *a)
{
    int64_t words;
    memcpy(&words, a, sizeof words);
    return _mm256_set1_epi64x(words);
}

static ALWAYS_INLINE void store8(int32_t *c, __m256i low, __m256i high)
{
    tern_store256(c, tern_straight256(_mm256_hadd_epi32(low, high)));
}

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int quarters)
{
    const __m256i zero = _mm256_setzero_si256();
    ALL_ROWS(START)
    const int8_t *b = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, b += TERN_LINE) {
        const int16_t *a = t->x + *index * t->step;
        const __m256i w0 = widened(b), w1 = widened(b + 16);
        ALL_ROWS(MULTIPLY)
        if (quarters == 4) {
            const __m256i w2 = widened(b + 32), w3 = widened(b + 48);
            ALL_ROWS(MULTIPLY_HIGH)
        }
    }
    ALL_ROWS(STORE)
}

// clang-format off
typedef void tile_fn(const struct tile *t);
#define TILE(rows, quarters)                                                                                           \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, quarters);                                                                                       \
    }
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 2) TILE(5, 2) TILE(6, 2)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};
// clang-format on

/* Tiles first, of as equal heights as can be, so that their rows stay in L1 while the panels pass. */
static void wide_panels(const struct tern_sparse *w, const int16_t *packed, int32_t *c, ptrdiff_t ld_c, int m,
                        int panels)
{
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int block = 0, row = 0; block < tiling.tiles; block++) {
        const int rows = tern_tile_rows(tiling, block);
        for (int j = 0; j < panels; j++) {
            const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
            struct tile t = {packed + (ptrdiff_t)row * TERN_PANEL_K,
                             (ptrdiff_t)m * TERN_PANEL_K,
                             p.value,
                             p.index,
                             *p.count,
                             c + row * ld_c + (ptrdiff_t)j * TERN_PANEL,
                             ld_c};
            tiles[rows - 1](&t);
            if (rows > WIDE_ROWS) {
                t.value += TERN_LINE / 2;
                t.c += TERN_PANEL / 2;
                tiles[rows - 1](&t);
            }
        }
        row += rows;
    }
}

/* ---- Narrow blocks: rows in the lanes -------------------------------------------------------------------------- */

/* The blocks of a strip for one pass's rows; its sums go to out[outputs][TERN_SPMM_ROWS]. */
struct strip {
    const int16_t *x;
    ptrdiff_t rows;
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *out;
};

/* Two registers of 8 rows, two inputs each. */
struct inputs {
    __m256i low, high;
};

/* `pair` of a block's two. 4x1: rows 0 to 3 and 8 to 11 in `low`. */
static ALWAYS_INLINE struct inputs inputs_of(const struct strip *s, const int columns, const uint16_t *index, int pair)
{
    if (columns) {
        const __m256i x = tern_load256(s->x + index[2 * pair] * s->rows),
                      y = tern_load256(s->x + index[2 * pair + 1] * s->rows);
        const struct inputs in = {_mm256_unpacklo_epi16(x, y), _mm256_unpackhi_epi16(x, y)};
        return in;
    }
    const int16_t *at = s->x + (*index * 2 + pair) * s->rows * 2;
    const struct inputs in = {tern_load256(at), tern_load256(at + 2 * LANES)};
    return in;
}

static ALWAYS_INLINE void store_rows(int32_t *out, __m256i low, __m256i high, const int columns)
{
    tern_store256(out, columns ? _mm256_permute2x128_si256(low, high, 0x20) : low);
    tern_store256(out + LANES, columns ? _mm256_permute2x128_si256(low, high, 0x31) : high);
}

static void one_strip(const struct strip *s)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    const int8_t *value = s->value;
    for (int b = 0; b < s->blocks; b++, value += TERN_PANEL_K) {
        int32_t bytes;
        memcpy(&bytes, value, sizeof bytes);
        const __m128i w = _mm_cvtepi8_epi16(_mm_cvtsi32_si128(bytes));
        const __m256i w0 = _mm256_broadcastd_epi32(w), w1 = _mm256_broadcastd_epi32(_mm_srli_epi64(w, 32));
        const struct inputs x = inputs_of(s, 0, s->index + b, 0), y = inputs_of(s, 0, s->index + b, 1);
        ADD_PRODUCT(s0, w0, x.low);
        ADD_PRODUCT(s1, w0, x.high);
        ADD_PRODUCT(s2, w1, y.low);
        ADD_PRODUCT(s3, w1, y.high);
    }
    store_rows(s->out, _mm256_add_epi32(s0, s2), _mm256_add_epi32(s1, s3), 0);
}

// clang-format off
#define OUTPUTS(do) do(0) do(1) do(2) do(3)
#define START_OUTPUT(o) __m256i l##o = zero, h##o = zero;
#define MULTIPLY_OUTPUT(o)                                                                                             \
    {                                                                                                                  \
        const __m256i u = _mm256_permutevar8x32_epi32(w, _mm256_set1_epi32(2 * o + pair));                             \
        ADD_PRODUCT(l##o, u, x.low);                                                                                   \
        ADD_PRODUCT(h##o, u, x.high);                                                                                  \
    }
#define STORE_OUTPUT(o) store_rows(s->out + o * TERN_SPMM_ROWS, l##o, h##o, columns);
// clang-format on

static ALWAYS_INLINE void four_strip(const struct strip *s, const int columns)
{
    const __m256i zero = _mm256_setzero_si256();
    OUTPUTS(START_OUTPUT)
    for (int b = 0; b < s->blocks; b++) {
        const __m256i w = widened(s->value + b * 16);
        TERN_UNROLL
        for (int pair = 0; pair < 2; pair++) {
            const struct inputs x = inputs_of(s, columns, s->index + b * (columns ? 4 : 1), pair);
            OUTPUTS(MULTIPLY_OUTPUT)
        }
    }
    OUTPUTS(STORE_OUTPUT)
}

static void block_strip(const struct strip *s)
{
    four_strip(s, 0);
}
static void column_strip(const struct strip *s)
{
    four_strip(s, 1);
}

static void narrow_panel(const struct tern_sparse_panel *p, enum tern_block_shape shape, const int16_t *packed, int m,
                         int32_t *c, ptrdiff_t ld_c)
{
    int32_t sums[TERN_PANEL * TERN_SPMM_ROWS];
    const int outputs = tern_block_outputs(shape), columns = shape == TERN_BLOCK_4X1;
    const int rows = tern_round_up(m, TERN_SPMM_AVX2_PASS);
    struct strip s = {packed, rows, p->value, p->index, 0, sums};
    for (int i = 0; i < tern_block_strips(shape); i++) {
        s.blocks = p->count[i];
        for (int row = 0; row < rows; row += TERN_SPMM_AVX2_PASS) {
            s.x = packed + row * (columns ? 1 : 2);
            s.out = sums + i * outputs * TERN_SPMM_ROWS + row;
            if (columns)
                column_strip(&s);
            else
                (shape == TERN_BLOCK_4X4 ? block_strip : one_strip)(&s);
        }
        s.value += s.blocks * outputs * TERN_PANEL_K;
        s.index += s.blocks * tern_block_indices(shape);
    }
    tern_spmm256_store(sums, m, c, ld_c);
}

void tern_spmm_avx2(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                    int k4)
{
    if (tern_spmm_few_avx2(w->shape, m)) {
        few_panels(packed, w, c, ld_c, m, panels, k4);
        return;
    }
    if (w->shape == TERN_BLOCK_16X4) {
        wide_panels(w, packed, c, ld_c, m, panels);
        return;
    }
    for (int i = 0; i < panels; i++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        narrow_panel(&p, w->shape, packed, m, c + (ptrdiff_t)i * TERN_PANEL, ld_c);
    }
}
