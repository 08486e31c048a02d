/* Multiplies block-sparse weights with SSE4.1, by pmaddwd of inputs and weights widened to int16, which is exact for
   any int8. Blocks of 16x4 and 4x4 keep the channels in the lanes, two to a register, and take a row's four inputs
   twice by one load (movddup). 1x4 keeps two rows in the lanes and repeats the weights. 4x1 keeps eight rows in the
   lanes, two inputs interleaved, or with few rows puts a block's four inputs together and goes on as 4x4. */
#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/x86/spmm_sse41.h"

enum {
    TILE_ROWS = 6,  /* two registers of channels: 12 sums, which leave room for weights and a product */
    FOUR_ROWS = 3,  /* up to here four registers' sums fit */
    LINE_PAIRS = 8, /* 1x4: sums of two rows each */
    LANES = TERN_SPMM_SSE41_LANES,
};

/* Sums are negative ones: gcc would make paddd overwrite the product, and copy the sum back; psubd cannot. */
#define TAKE_PRODUCT(sum, x, w)                                                                                        \
    do {                                                                                                               \
        (sum) = _mm_sub_epi32(sum, _mm_madd_epi16(x, w));                                                              \
        TERN_PIN(sum); /* else gcc copies sums at every step, and spills */                                            \
    } while (0)

static ALWAYS_INLINE __m128i negated(__m128i x)
{
    return _mm_sub_epi32(_mm_setzero_si128(), x);
}

static ALWAYS_INLINE __m128i widened(const int8_t *w)
{
    return _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)w));
}

/* ---- 16x4 and 4x4: channels in the lanes ------------------------------------------------------------------------ */

struct tile {
    const int16_t *x; /* first row of the tile in k step 0; 4x1: of input 0 */
    ptrdiff_t step;   /* elements between k steps; 4x1: between rows */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *c;
    ptrdiff_t ld_c;
};

// clang-format off
/* Sums are s<row>_<register of two channels>; what a tile lacks vanishes, as its size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5)
#define START(i) __m128i s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m128i x = tern_eight128(a + i * TERN_PANEL_K);                                                         \
        TAKE_PRODUCT(s##i##_0, x, w0);                                                                                  \
        TAKE_PRODUCT(s##i##_1, x, w1);                                                                                  \
    }
#define MULTIPLY_HIGH(i)                                                                                               \
    if (i < rows) {                                                                                                    \
        const __m128i x = tern_eight128(a + i * TERN_PANEL_K);                                                         \
        TAKE_PRODUCT(s##i##_2, x, w2);                                                                                  \
        TAKE_PRODUCT(s##i##_3, x, w3);                                                                                  \
    }
#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        tern_store128(t->c + i * t->ld_c, negated(_mm_hadd_epi32(s##i##_0, s##i##_1)));                                         \
        if (registers > 2)                                                                                             \
            tern_store128(t->c + i * t->ld_c + 4, negated(_mm_hadd_epi32(s##i##_2, s##i##_3)));                                 \
    }
// clang-format on

static ALWAYS_INLINE void tile(const struct tile *t, const int rows, const int registers, const int bytes)
{
    const __m128i zero = _mm_setzero_si128();
    ALL_ROWS(START)
    const int8_t *b = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, b += bytes) {
        const int16_t *a = t->x + *index * t->step;
        const __m128i w0 = widened(b), w1 = widened(b + 8);
        ALL_ROWS(MULTIPLY)
        if (registers > 2) {
            const __m128i w2 = widened(b + 16), w3 = widened(b + 24);
            ALL_ROWS(MULTIPLY_HIGH)
        }
    }
    ALL_ROWS(STORE)
}

// clang-format off
typedef void tile_fn(const struct tile *t);
#define TILE(rows, registers)                                                                                          \
    static void wide_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows, registers, TERN_LINE);                                                                           \
    }                                                                                                                  \
    static void block_##rows(const struct tile *t)                                                                     \
    {                                                                                                                  \
        tile(t, rows, 2, 4 * TERN_PANEL_K);                                                                            \
    }
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 2) TILE(5, 2) TILE(6, 2)
static tile_fn *const wide[TILE_ROWS] = {wide_1, wide_2, wide_3, wide_4, wide_5, wide_6};
static tile_fn *const block[TILE_ROWS] = {block_1, block_2, block_3, block_4, block_5, block_6};
// clang-format on

/* The strips of one panel by one tile's rows. */
static void wide_panel(struct tile t, int rows)
{
    const int channels = rows > FOUR_ROWS ? 4 : 8;
    for (int i = 0; i < TERN_PANEL; i += channels) {
        wide[rows - 1](&t);
        t.value += channels * TERN_PANEL_K;
        t.c += channels;
    }
}
static void block_panel(struct tile t, const uint16_t *count, int rows)
{
    for (int i = 0; i < 4; i++, t.c += 4) {
        t.blocks = count[i];
        block[rows - 1](&t);
        t.value += (ptrdiff_t)t.blocks * 4 * TERN_PANEL_K;
        t.index += t.blocks;
    }
}

/* Tiles first, of as equal heights as can be, so that their rows stay in L1 while the panels pass. */
static void tiles(const struct tern_sparse *w, const int16_t *packed, int32_t *c, ptrdiff_t ld_c, int m, int panels)
{
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int i = 0; i < tiling.tiles; i++) {
        const int row = tern_tile_start(tiling, i), rows = tern_tile_rows(tiling, i);
        for (int j = 0; j < panels; j++) {
            const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
            const struct tile t = {packed + (ptrdiff_t)row * TERN_PANEL_K,
                                   (ptrdiff_t)tern_spmm_sse41_rows(w->shape, m) * TERN_PANEL_K,
                                   p.value,
                                   p.index,
                                   *p.count,
                                   c + row * ld_c + (ptrdiff_t)j * TERN_PANEL,
                                   ld_c};
            if (w->shape == TERN_BLOCK_16X4)
                wide_panel(t, rows);
            else
                block_panel(t, p.count, rows);
        }
    }
}

/* ---- 1x4: two rows in the lanes --------------------------------------------------------------------------------- */

// clang-format off
#define ALL_PAIRS(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
#define START_PAIR(i) __m128i s##i = _mm_setzero_si128();
#define MULTIPLY_PAIR(i)                                                                                               \
    if (i < pairs)                                                                                                     \
        TAKE_PRODUCT(s##i, tern_load128(a + i * 2 * TERN_PANEL_K), v);
#define STORE_PAIR(i)                                                                                                  \
    if (i < pairs)                                                                                                     \
        store_pair(t, s##i, rows - 2 * i, i);
// clang-format on

/* The sums of two rows, of two partial sums each, to the same channel; `left`: how many rows are left. */
static ALWAYS_INLINE void store_pair(const struct tile *t, __m128i sum, int left, int i)
{
    sum = negated(_mm_add_epi32(sum, _mm_srli_epi64(sum, 32)));
    t->c[2 * i * t->ld_c] = _mm_cvtsi128_si32(sum);
    if (left > 1)
        t->c[(2 * i + 1) * t->ld_c] = _mm_extract_epi32(sum, 2);
}

/* One output; `rows` are 2 * pairs, or one less. */
static ALWAYS_INLINE void strip(const struct tile *t, int rows, const int pairs)
{
    ALL_PAIRS(START_PAIR)
    const int8_t *b = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, b += TERN_PANEL_K) {
        const int16_t *a = t->x + *index * t->step;
        const __m128i w = _mm_cvtepi8_epi16(tern_load32(b)), v = _mm_unpacklo_epi64(w, w);
        ALL_PAIRS(MULTIPLY_PAIR)
    }
    ALL_PAIRS(STORE_PAIR)
}

// clang-format off
typedef void strip_fn(const struct tile *t, int rows);
#define STRIP(pairs)                                                                                                   \
    static void strip_##pairs(const struct tile *t, int rows)                                                          \
    {                                                                                                                  \
        strip(t, rows, pairs);                                                                                         \
    }
STRIP(1) STRIP(2) STRIP(3) STRIP(4) STRIP(5) STRIP(6) STRIP(7) STRIP(8)
static strip_fn *const strips[LINE_PAIRS] = {strip_1, strip_2, strip_3, strip_4, strip_5, strip_6, strip_7, strip_8};
// clang-format on

static void lines(const struct tern_sparse *w, const int16_t *packed, int32_t *c, ptrdiff_t ld_c, int m, int panels)
{
    const int all = tern_spmm_sse41_rows(w->shape, m);
    const struct tern_tiling tiling = tern_tiling_of(all / 2, LINE_PAIRS);
    for (int i = 0; i < tiling.tiles; i++) {
        const int row = 2 * tern_tile_start(tiling, i), pairs = tern_tile_rows(tiling, i);
        for (int j = 0; j < panels; j++) {
            const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
            struct tile t = {packed + (ptrdiff_t)row * TERN_PANEL_K,
                             (ptrdiff_t)all * TERN_PANEL_K,
                             p.value,
                             p.index,
                             0,
                             c + row * ld_c + (ptrdiff_t)j * TERN_PANEL,
                             ld_c};
            for (int s = 0; s < TERN_PANEL; s++, t.c++) {
                t.blocks = p.count[s];
                strips[pairs - 1](&t, m - row < 2 * pairs ? m - row : 2 * pairs);
                t.value += t.blocks * TERN_PANEL_K;
                t.index += t.blocks;
            }
        }
    }
}

/* ---- 4x1 -------------------------------------------------------------------------------------------------------- */

/* Few rows, [row][4 * k4]: one row by one strip. */
static ALWAYS_INLINE void few_columns(const struct tile *t)
{
    __m128i s0 = _mm_setzero_si128(), s1 = s0;
    const int8_t *b = t->value;
    const uint16_t *index = t->index;
    for (int i = 0; i < t->blocks; i++, index += 4, b += 4 * TERN_PANEL_K) {
        __m128i x = _mm_cvtsi32_si128(t->x[index[0]]);
        x = _mm_insert_epi16(x, t->x[index[1]], 1);
        x = _mm_insert_epi16(x, t->x[index[2]], 2);
        x = _mm_insert_epi16(x, t->x[index[3]], 3);
        x = _mm_unpacklo_epi64(x, x);
        TAKE_PRODUCT(s0, x, widened(b));
        TAKE_PRODUCT(s1, x, widened(b + 8));
    }
    tern_store128(t->c, negated(_mm_hadd_epi32(s0, s1)));
}

// clang-format off
/* Eight rows, [input][row]: sums l<output> of the first four, h<output> of the others. */
#define OUTPUTS(do) do(0) do(1) do(2) do(3)
#define START_OUTPUT(o) __m128i l##o = _mm_setzero_si128(), h##o = l##o;
#define MULTIPLY_OUTPUT(o, pair)                                                                                       \
    {                                                                                                                  \
        const __m128i u = _mm_shuffle_epi32(o < 2 ? w0 : w1, (o % 2 * 2 + pair) * 0x55);                               \
        TAKE_PRODUCT(l##o, low, u);                                                                                    \
        TAKE_PRODUCT(h##o, high, u);                                                                                   \
    }
#define FIRST_PAIR(o) MULTIPLY_OUTPUT(o, 0)
#define SECOND_PAIR(o) MULTIPLY_OUTPUT(o, 1)
#define PAIR(pair, each)                                                                                               \
    {                                                                                                                  \
        const __m128i x = tern_load128(t->x + index[2 * pair] * t->step);                                              \
        const __m128i y = tern_load128(t->x + index[2 * pair + 1] * t->step);                                          \
        const __m128i low = _mm_unpacklo_epi16(x, y), high = _mm_unpackhi_epi16(x, y);                                 \
        OUTPUTS(each)                                                                                                  \
    }
// clang-format on

static ALWAYS_INLINE void store_rows(const struct tile *t, __m128i s0, __m128i s1, __m128i s2, __m128i s3, int row,
                                     int rows)
{
    __m128 x0 = _mm_castsi128_ps(s0), x1 = _mm_castsi128_ps(s1), x2 = _mm_castsi128_ps(s2), x3 = _mm_castsi128_ps(s3);
    _MM_TRANSPOSE4_PS(x0, x1, x2, x3);
    const __m128 x[4] = {x0, x1, x2, x3};
    TERN_UNROLL
    for (int i = 0; i < 4; i++)
        if (row + i < rows)
            tern_store128(t->c + (row + i) * t->ld_c, negated(_mm_castps_si128(x[i])));
}

static ALWAYS_INLINE void columns(const struct tile *t, int rows)
{
    OUTPUTS(START_OUTPUT)
    const int8_t *b = t->value;
    const uint16_t *index = t->index;
    for (int i = 0; i < t->blocks; i++, index += 4, b += 4 * TERN_PANEL_K) {
        const __m128i w0 = widened(b), w1 = widened(b + 8);
        PAIR(0, FIRST_PAIR)
        PAIR(1, SECOND_PAIR)
    }
    store_rows(t, l0, l1, l2, l3, 0, rows);
    store_rows(t, h0, h1, h2, h3, 4, rows);
}

static void column_panels(const struct tern_sparse *w, const int16_t *packed, int32_t *c, ptrdiff_t ld_c, int m,
                          int panels, int k4)
{
    const int few = m <= TERN_SPMM_SSE41_FEW, height = few ? 1 : LANES;
    for (int row = 0; row < m; row += height) {
        for (int j = 0; j < panels; j++) {
            const struct tern_sparse_panel p = tern_sparse_panel_at(w, j);
            struct tile t = {few ? packed + (ptrdiff_t)row * k4 * TERN_PANEL_K : packed + row,
                             tern_spmm_sse41_rows(w->shape, m),
                             p.value,
                             p.index,
                             0,
                             c + row * ld_c + (ptrdiff_t)j * TERN_PANEL,
                             ld_c};
            for (int s = 0; s < 4; s++, t.c += 4) {
                t.blocks = p.count[s];
                if (few)
                    few_columns(&t);
                else
                    columns(&t, m - row);
                t.value += t.blocks * 4 * TERN_PANEL_K;
                t.index += t.blocks * 4;
            }
        }
    }
}

void tern_spmm_sse41(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                     int k4)
{
    if (w->shape == TERN_BLOCK_1X4)
        lines(w, packed, c, ld_c, m, panels);
    else if (w->shape == TERN_BLOCK_4X1)
        column_panels(w, packed, c, ld_c, m, panels, k4);
    else
        tiles(w, packed, c, ld_c, m, panels);
}
