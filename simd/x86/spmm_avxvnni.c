/* Multiplies block-sparse weights with the VEX form of vpdpbusd. As in spmm_avx512vnni.c, activations are the unsigned
   operand, packed once with 128 added, and 128 times the sum of its weights is taken off each output at the end; all of
   it wraps modulo 2^32. Rows come in groups: [group][k step][8 rows][4], 32 bytes to a k step. Blocks of 16x4 keep 8
   channels in the lanes and broadcast activations, in the dense kernel's tiles of up to 6 rows, which are a group. The
   others keep 8 rows in the lanes and broadcast weights; 4x1 gathers four inputs of [input][rows] first. Few rows of
   narrow blocks are multiplied as AVX2 does it. */
#ifndef __AVXVNNI__
#error "compile with -mavxvnni"
#endif
#include "simd/table.h"
#include "simd/x86/spmm256.h"
#include "simd/x86/spmm_256_few_template.h"

enum {
    GROUP = TERN_SPMM_AVXVNNI_GROUP,
    GROUP_STEP = GROUP * TERN_PANEL_K, /* bytes of a group per k step */
    TILE_ROWS = TERN_SPMM_AVXVNNI_TILE,
    FEW_ROWS = 2, /* up to here two blocks at a time */
    COLUMNS = TERN_SPMM_AVXVNNI_COLUMN,
};

static ALWAYS_INLINE __m256i add_product(__m256i sum, __m256i x, __m256i w)
{
    sum = _mm256_dpbusd_avx_epi32(sum, x, w);
    TERN_PIN(sum); /* else gcc copies sums at every step, and spills */
    return sum;
}

/* ---- 16x4: channels in the lanes ------------------------------------------------------------------------------- */

struct tile {
    const uint8_t *x; /* [k steps][8][4] */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    const int32_t *excess; /* 128 times the sum of each channel's weights */
    int32_t *c;
    ptrdiff_t ld_c;
};

/* Sums are s<row>_<half>; u<row>_<half> are those of every second block. */
// clang-format off
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4) do(5)
// clang-format on
#define START(i) __m256i s##i##_0 = zero, s##i##_1 = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256i a = tern_four256(x + TERN_PANEL_K * i);                                                          \
        s##i##_0 = add_product(s##i##_0, a, w0);                                                                       \
        s##i##_1 = add_product(s##i##_1, a, w1);                                                                       \
    }
#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        tern_store256(t->c + i * t->ld_c, _mm256_sub_epi32(s##i##_0, tern_load256(t->excess)));                        \
        tern_store256(t->c + i * t->ld_c + 8, _mm256_sub_epi32(s##i##_1, tern_load256(t->excess + 8)));                \
    }

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m256i zero = _mm256_setzero_si256();
    ALL_ROWS(START)
    const int8_t *value = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, value += TERN_LINE) {
        const uint8_t *x = t->x + *index * GROUP_STEP;
        const __m256i w0 = tern_load256(value), w1 = tern_load256(value + 32);
        ALL_ROWS(MULTIPLY)
    }
    ALL_ROWS(STORE)
}

// clang-format off
#define FEW(do) do(0) do(1)
// clang-format on
#define START_SECOND(i) __m256i u##i##_0 = zero, u##i##_1 = zero;
#define MULTIPLY_SECOND(i)                                                                                             \
    if (i < rows) {                                                                                                    \
        const __m256i a = tern_four256(y + TERN_PANEL_K * i);                                                          \
        u##i##_0 = add_product(u##i##_0, a, v0);                                                                       \
        u##i##_1 = add_product(u##i##_1, a, v1);                                                                       \
    }
#define STORE_FEW(i)                                                                                                   \
    if (i < rows) {                                                                                                    \
        int32_t *c = t->c + i * t->ld_c;                                                                               \
        tern_store256(c, _mm256_sub_epi32(_mm256_add_epi32(s##i##_0, u##i##_0), _mm256_add_epi32(e0, f0)));            \
        tern_store256(c + 8, _mm256_sub_epi32(_mm256_add_epi32(s##i##_1, u##i##_1), _mm256_add_epi32(e1, f1)));        \
    }

/* Few rows: a product waits for the one before, so two blocks at a time, each with sums of its own; and weights are
   read once, for their excess as well. */
static ALWAYS_INLINE void few_tile(const struct tile *t, const int rows)
{
    const __m256i zero = _mm256_setzero_si256(), offset = _mm256_set1_epi8(-128);
    __m256i e0 = zero, e1 = zero, f0 = zero, f1 = zero;
    FEW(START)
    FEW(START_SECOND)
    const int8_t *value = t->value;
    const uint16_t *index = t->index;
    for (int left = t->blocks; left > 0; left -= 2, index += 2, value += 2 * TERN_LINE) {
        const uint8_t *x = t->x + index[0] * GROUP_STEP;
        const __m256i w0 = tern_load256(value), w1 = tern_load256(value + 32);
        e0 = add_product(e0, offset, w0), e1 = add_product(e1, offset, w1);
        FEW(MULTIPLY)
        if (left > 1) {
            const uint8_t *y = t->x + index[1] * GROUP_STEP;
            const __m256i v0 = tern_load256(value + TERN_LINE), v1 = tern_load256(value + TERN_LINE + 32);
            f0 = add_product(f0, offset, v0), f1 = add_product(f1, offset, v1);
            FEW(MULTIPLY_SECOND)
        }
    }
    FEW(STORE_FEW)
}

typedef void tile_fn(const struct tile *t);
// clang-format off
#define TILE(name, rows)                                                                                               \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        name(t, rows);                                                                                                 \
    }
TILE(few_tile, 1) TILE(few_tile, 2) TILE(tile, 3) TILE(tile, 4) TILE(tile, 5) TILE(tile, 6)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};
// clang-format on

/* 128 times the sums of a line's 16 groups of four, over `lines` lines. */
static void excess_of(int32_t *excess, const int8_t *value, int lines)
{
    const __m256i offset = _mm256_set1_epi8(-128);
    __m256i s0 = _mm256_setzero_si256(), s1 = s0, u0 = s0, u1 = s0;
    for (int i = 0; i < lines; i++, value += TERN_LINE) {
        s0 = add_product(s0, offset, tern_load256(value));
        s1 = add_product(s1, offset, tern_load256(value + 32));
        if (++i < lines) {
            value += TERN_LINE;
            u0 = add_product(u0, offset, tern_load256(value));
            u1 = add_product(u1, offset, tern_load256(value + 32));
        }
    }
    tern_store256(excess, _mm256_add_epi32(s0, u0));
    tern_store256(excess + 8, _mm256_add_epi32(s1, u1));
}

/* Multiplies PANEL_BLOCK panels at a time by all tiles, so that a tile's rows and the panels' blocks stay in the cache.
   Each panel's excess is found once for all tiles; few_tile, which m <= FEW_ROWS rows make, finds its own. */
enum { PANEL_BLOCK = 16 };
_Static_assert((TILE_ROWS + 1) / 2 > FEW_ROWS, "two tiles have more than a few rows each");

static void wide_panels(const struct tern_sparse *w, const uint8_t *packed, int32_t *c, ptrdiff_t ld_c, int m,
                        int panels, int k4)
{
    int32_t excess[PANEL_BLOCK][TERN_PANEL];
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int first = 0; first < panels; first += PANEL_BLOCK) {
        const int count = panels - first < PANEL_BLOCK ? panels - first : PANEL_BLOCK;
        for (int j = 0; m > FEW_ROWS && j < count; j++) {
            const struct tern_sparse_panel p = tern_sparse_panel_at(w, first + j);
            excess_of(excess[j], p.value, *p.count);
        }
        for (int i = 0; i < tiling.tiles; i++) {
            const int row = tern_tile_start(tiling, i), rows = tern_tile_rows(tiling, i);
            for (int j = 0; j < count; j++) {
                const struct tern_sparse_panel p = tern_sparse_panel_at(w, first + j);
                const struct tile t = {packed + (ptrdiff_t)i * k4 * GROUP_STEP,
                                       p.value,
                                       p.index,
                                       *p.count,
                                       excess[j],
                                       c + row * ld_c + (ptrdiff_t)(first + j) * TERN_PANEL,
                                       ld_c};
                tiles[rows - 1](&t);
            }
        }
    }
}

/* ---- Narrow blocks: rows in the lanes -------------------------------------------------------------------------- */

/* The blocks of a strip for one pass's rows; its sums go to out[outputs][TERN_SPMM_ROWS]. */
struct strip {
    const uint8_t *x;
    ptrdiff_t step; /* between groups of rows; 4x1: between inputs */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    const int32_t *excess; /* [outputs]: 128 times the sum of each one's weights */
    int32_t *out;
};

/* excess[4] of a strip of 4 outputs; of one of 1, in its first. */
static void strip_excess(int32_t *excess, const int8_t *value, int blocks, int outputs)
{
    const __m256i offset = _mm256_set1_epi8(-128);
    __m256i s = _mm256_setzero_si256(), u = s;
    int left = blocks * outputs; /* groups of four weights */
    for (; left > 16; left -= 16, value += 64) {
        s = add_product(s, offset, tern_load256(value));
        u = add_product(u, offset, tern_load256(value + 32));
    }
    s = add_product(s, offset, tern_load_lanes256(value, left));
    u = add_product(u, offset, tern_load_lanes256(value + 32, left - 8));
    s = _mm256_add_epi32(s, u);
    __m128i r = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    if (outputs == 1) {
        r = _mm_add_epi32(r, _mm_shuffle_epi32(r, 0x4E));
        r = _mm_add_epi32(r, _mm_shuffle_epi32(r, 0xB1));
    }
    _mm_storeu_si128((__m128i *)excess, r);
}

/* 1x4: sums s0 .. s7 are those of `groups` groups, of each of `batch` blocks, because a product waits for the one
   before. */
// clang-format off
#define SUMS(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
// clang-format on
#define START_SUM(i) __m256i s##i = zero;
#define MULTIPLY_SUM(i)                                                                                                \
    if (i < groups * together)                                                                                         \
        s##i = add_product(s##i, tern_load256(s->x + index[i / groups] * GROUP_STEP + i % groups * s->step),           \
                           tern_four256(value + i / groups * TERN_PANEL_K));

static ALWAYS_INLINE void row_strip(const struct strip *s, const int groups, const int batch)
{
    const __m256i zero = _mm256_setzero_si256(), excess = _mm256_set1_epi32(*s->excess);
    SUMS(START_SUM)
    const int8_t *value = s->value;
    const uint16_t *index = s->index, *end = index + s->blocks;
    for (; end - index >= batch; index += batch, value += batch * TERN_PANEL_K) {
        const int together = batch;
        SUMS(MULTIPLY_SUM)
    }
    for (; index < end; index++, value += TERN_PANEL_K) {
        const int together = 1;
        SUMS(MULTIPLY_SUM)
    }
    const __m256i sum[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
    TERN_UNROLL
    for (int g = 0; g < groups; g++) {
        __m256i all = sum[g];
        TERN_UNROLL
        for (int i = g + groups; i < groups * batch; i += groups)
            all = _mm256_add_epi32(all, sum[i]);
        tern_store256(s->out + g * GROUP, _mm256_sub_epi32(all, excess));
    }
}

/* Four outputs by two groups of rows. */
// clang-format off
#define OUTPUTS(do) do(0) do(1) do(2) do(3)
// clang-format on
#define START_OUTPUT(o) __m256i l##o = zero, h##o = zero;
#define MULTIPLY_OUTPUT(o)                                                                                             \
    {                                                                                                                  \
        const __m256i w = tern_four256(value + TERN_PANEL_K * o);                                                      \
        l##o = add_product(l##o, x0, w);                                                                               \
        h##o = add_product(h##o, x1, w);                                                                               \
    }
#define STORE_OUTPUT(o) store_rows(s, o, l##o, h##o, columns);

/* With `columns` the registers hold rows 0 to 3 and 16 to 19, and 4 to 7 and 20 to 23. */
static ALWAYS_INLINE void store_rows(const struct strip *s, int output, __m256i low, __m256i high, const int columns)
{
    const __m256i excess = _mm256_set1_epi32(s->excess[output]);
    int32_t *out = s->out + output * TERN_SPMM_ROWS;
    low = _mm256_sub_epi32(low, excess), high = _mm256_sub_epi32(high, excess);
    tern_store256(out, columns ? _mm256_permute2x128_si256(low, high, 0x20) : low);
    tern_store256(out + (columns ? 16 : GROUP), columns ? _mm256_permute2x128_si256(low, high, 0x31) : high);
}

/* `half`: of 4x1 rows 0 .. 7 and 16 .. 23 (0), or 8 .. 15 and 24 .. 31 (1). */
static ALWAYS_INLINE void four_strip(const struct strip *s, const int columns, const int half)
{
    const __m256i zero = _mm256_setzero_si256();
    OUTPUTS(START_OUTPUT)
    const int8_t *value = s->value;
    const uint16_t *index = s->index;
    for (int b = 0; b < s->blocks; b++, value += 16) {
        __m256i x0, x1;
        if (columns) {
            const __m256i p = tern_load256(s->x + index[0] * s->step), q = tern_load256(s->x + index[1] * s->step);
            const __m256i r = tern_load256(s->x + index[2] * s->step), t = tern_load256(s->x + index[3] * s->step);
            const __m256i pq = half ? _mm256_unpackhi_epi8(p, q) : _mm256_unpacklo_epi8(p, q);
            const __m256i rt = half ? _mm256_unpackhi_epi8(r, t) : _mm256_unpacklo_epi8(r, t);
            x0 = _mm256_unpacklo_epi16(pq, rt), x1 = _mm256_unpackhi_epi16(pq, rt);
            index += 4;
        } else {
            const uint8_t *x = s->x + *index++ * GROUP_STEP;
            x0 = tern_load256(x), x1 = tern_load256(x + s->step);
        }
        OUTPUTS(MULTIPLY_OUTPUT)
    }
    OUTPUTS(STORE_OUTPUT)
}

typedef void strip_fn(const struct strip *s);
// clang-format off
#define ONE(groups, batch)                                                                                             \
    static void one_##groups(const struct strip *s)                                                                    \
    {                                                                                                                  \
        row_strip(s, groups, batch);                                                                                   \
    }
ONE(1, 8) ONE(2, 4) ONE(3, 2) ONE(4, 2) ONE(5, 1) ONE(6, 1) ONE(7, 1) ONE(8, 1)
static strip_fn *const ones[] = {one_1, one_2, one_3, one_4, one_5, one_6, one_7, one_8};
// clang-format on
static void block_strip(const struct strip *s)
{
    four_strip(s, 0, 0);
}
static void low_columns(const struct strip *s)
{
    four_strip(s, 1, 0);
}
static void high_columns(const struct strip *s)
{
    four_strip(s, 1, 1);
}

/* All rows of one strip. */
static void run_strip(struct strip s, enum tern_block_shape shape, int m)
{
    const uint8_t *x = s.x;
    int32_t *out = s.out;
    if (shape == TERN_BLOCK_1X4) {
        ones[(m - 1) / GROUP](&s);
        return;
    }
    for (int i = 0; shape == TERN_BLOCK_4X4 && i < m; i += 2 * GROUP) {
        s.x = x + i / GROUP * s.step;
        s.out = out + i;
        block_strip(&s);
    }
    for (int i = 0; shape == TERN_BLOCK_4X1 && i < m; i += COLUMNS) {
        s.x = x + i;
        s.out = out + i;
        low_columns(&s);
        s.out += GROUP;
        if (m - i > GROUP)
            high_columns(&s);
    }
}

static void narrow_panel(const struct tern_sparse_panel *p, enum tern_block_shape shape, const uint8_t *packed, int m,
                         int k4, int32_t *c, ptrdiff_t ld_c)
{
    int32_t sums[TERN_PANEL * TERN_SPMM_ROWS], excess[4];
    const int outputs = tern_block_outputs(shape);
    const ptrdiff_t step = shape == TERN_BLOCK_4X1 ? tern_round_up(m, COLUMNS) : (ptrdiff_t)k4 * GROUP_STEP;
    struct strip s = {packed, step, p->value, p->index, 0, excess, sums};
    for (int i = 0; i < tern_block_strips(shape); i++) {
        s.blocks = p->count[i];
        s.out = sums + i * outputs * TERN_SPMM_ROWS;
        strip_excess(excess, s.value, s.blocks, outputs);
        run_strip(s, shape, m);
        s.value += s.blocks * outputs * TERN_PANEL_K;
        s.index += s.blocks * tern_block_indices(shape);
    }
    tern_spmm256_store(sums, m, c, ld_c);
}

void tern_spmm_avxvnni(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4)
{
    if (tern_spmm_few_avxvnni(w->shape, m)) {
        few_panels(packed, w, c, ld_c, m, panels, k4);
        return;
    }
    if (w->shape == TERN_BLOCK_16X4) {
        wide_panels(w, packed, c, ld_c, m, panels, k4);
        return;
    }
    for (int i = 0; i < panels; i++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        narrow_panel(&p, w->shape, packed, m, k4, c + (ptrdiff_t)i * TERN_PANEL, ld_c);
    }
}
