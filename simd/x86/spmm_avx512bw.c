/* Multiplies block-sparse weights with AVX-512BW, without VNNI (product_512_signs.h), with rows laid out as in
   spmm_avx512vnni.c but signed. Blocks of 16x4 keep the channels in the lanes and broadcast activations, 16 rows to a
   tile. The others keep 16 rows in the lanes and broadcast weights, and transpose at the end; 4x1 gathers four inputs
   of [input][row] first. A product of four instructions, of which only the last waits for the one before, needs no
   second sums. Few rows of narrow blocks are multiplied as AVX2 does it. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/product_512_signs.h"
#include "simd/x86/spmm512.h"
#include "simd/x86/spmm_256_few_template.h"

enum { LANES = 16, TILE_ROWS = 16 };

static ALWAYS_INLINE __m512i add(__m512i sum, struct weights w, __m512i x)
{
    sum = add_product(sum, w, x);
    TERN_PIN(sum); /* gcc copies the sums of a loop that may run zero times at every step */
    return sum;
}

/* ---- 16x4: channels in the lanes ------------------------------------------------------------------------------- */

struct tile {
    const uint8_t *x; /* [k steps][16][4] */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *c;
    ptrdiff_t ld_c;
};

// clang-format off
#define ALL_ROWS(do)                                                                                                   \
    do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)
// clang-format on
#define START(i) __m512i s##i = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows)                                                                                                      \
        s##i = add(s##i, w, tern_four512(x + TERN_PANEL_K * i));
#define STORE(i)                                                                                                       \
    if (i < rows)                                                                                                      \
        _mm512_storeu_si512(t->c + i * t->ld_c, s##i);

static ALWAYS_INLINE void tile(const struct tile *t, const int rows)
{
    const __m512i zero = _mm512_setzero_si512();
    ALL_ROWS(START)
    const int8_t *value = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, value += TERN_LINE) {
        const uint8_t *x = t->x + *index * TERN_LINE;
        const struct weights w = weights_of(_mm512_loadu_si512(value));
        ALL_ROWS(MULTIPLY)
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);
// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows);                                                                                                 \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
TILE(15) TILE(16)
static tile_fn *const tiles[TILE_ROWS] = {tile_1,  tile_2,  tile_3,  tile_4,  tile_5,  tile_6,  tile_7,  tile_8,
                                          tile_9,  tile_10, tile_11, tile_12, tile_13, tile_14, tile_15, tile_16};
// clang-format on

/* Multiplies one panel by all tiles. */
static void wide_panel(const struct tern_sparse_panel *p, const uint8_t *packed, int m, int k4, int32_t *c,
                       ptrdiff_t ld_c)
{
    for (int i = 0; i < m; i += TILE_ROWS) {
        const struct tile t = {
            packed + (ptrdiff_t)i / TILE_ROWS * k4 * TERN_LINE, p->value, p->index, *p->count, c + i * ld_c, ld_c};
        tiles[(m - i < TILE_ROWS ? m - i : TILE_ROWS) - 1](&t);
    }
}

/* ---- Narrow blocks: rows in the lanes -------------------------------------------------------------------------- */

// clang-format off
#define ALL_VECTORS(do) do(0) do(1) do(2) do(3)
// clang-format on
#define START_ROW(v) __m512i s##v = zero;
#define MULTIPLY_ROW(v)                                                                                                \
    if (v < vectors)                                                                                                   \
        s##v = add(s##v, w, _mm512_load_si512(x + v * TERN_LINE));
#define STORE_ROW(v)                                                                                                   \
    if (v < vectors)                                                                                                   \
        _mm512_store_si512(s->out + v * LANES, s##v);

static ALWAYS_INLINE void row_strip(const struct tern_strip512 *s, const int vectors)
{
    const __m512i zero = _mm512_setzero_si512();
    ALL_VECTORS(START_ROW)
    for (int b = 0; b < s->blocks; b++) {
        const uint8_t *x = s->x + s->index[b] * s->step;
        const struct weights w = weights_of(tern_four512(s->value + b * TERN_PANEL_K));
        ALL_VECTORS(MULTIPLY_ROW)
    }
    ALL_VECTORS(STORE_ROW)
}

/* Four outputs: the weights of one at a time. */
#define START_FOUR(v) __m512i s0_##v = zero, s1_##v = zero, s2_##v = zero, s3_##v = zero;
#define MULTIPLY_FOUR(v)                                                                                               \
    if (v < vectors) {                                                                                                 \
        s0_##v = add(s0_##v, w0, x##v);                                                                                \
        s1_##v = add(s1_##v, w1, x##v);                                                                                \
        s2_##v = add(s2_##v, w2, x##v);                                                                                \
        s3_##v = add(s3_##v, w3, x##v);                                                                                \
    }
#define STORE_FOUR(v)                                                                                                  \
    if (v < vectors) {                                                                                                 \
        int32_t *out = s->out + v * LANES;                                                                             \
        _mm512_store_si512(out, s0_##v);                                                                               \
        _mm512_store_si512(out + TERN_SPMM_ROWS, s1_##v);                                                              \
        _mm512_store_si512(out + 2 * TERN_SPMM_ROWS, s2_##v);                                                          \
        _mm512_store_si512(out + 3 * TERN_SPMM_ROWS, s3_##v);                                                          \
    }

/* The rows' inputs of a block are loaded as a k step, or gathered. */
enum inputs { STEP, GATHER };

static ALWAYS_INLINE void four_strip(const struct tern_strip512 *s, const int vectors, const enum inputs inputs)
{
    const __m512i zero = _mm512_setzero_si512(), places = tern_spread16();
    ALL_VECTORS(START_FOUR)
    const int8_t *value = s->value;
    for (int b = 0; b < s->blocks; b++, value += 16) {
        __m512i x0 = zero, x1 = zero, x2 = zero, x3 = zero;
        if (inputs == STEP) {
            const uint8_t *x = s->x + s->index[b] * s->step;
            x0 = _mm512_load_si512(x);
            if (vectors > 1)
                x1 = _mm512_load_si512(x + TERN_LINE);
            if (vectors > 2)
                x2 = _mm512_load_si512(x + 2 * TERN_LINE);
            if (vectors > 3)
                x3 = _mm512_load_si512(x + 3 * TERN_LINE);
        } else if (vectors == 1) {
            x0 = tern_gather16(s->x, s->step, s->index + 4 * b, places);
        } else {
            tern_gather64(s->x, s->step, s->index + 4 * b, &x0, &x1, &x2, &x3);
        }
        const struct weights w0 = weights_of(tern_four512(value)), w1 = weights_of(tern_four512(value + 4));
        const struct weights w2 = weights_of(tern_four512(value + 8)), w3 = weights_of(tern_four512(value + 12));
        ALL_VECTORS(MULTIPLY_FOUR)
    }
    ALL_VECTORS(STORE_FOUR)
}

// clang-format off
#define ONE(vectors)                                                                                                   \
    static void one_##vectors(const struct tern_strip512 *s)                                                           \
    {                                                                                                                  \
        row_strip(s, vectors);                                                                                         \
    }
#define FOUR(name, vectors, inputs)                                                                                    \
    static void name##_##vectors(const struct tern_strip512 *s)                                                        \
    {                                                                                                                  \
        four_strip(s, vectors, inputs);                                                                                \
    }
ONE(1) ONE(2) ONE(3) ONE(4)
FOUR(four, 1, STEP) FOUR(four, 2, STEP) FOUR(four, 3, STEP) FOUR(four, 4, STEP)
FOUR(gather, 1, GATHER) FOUR(gather, 4, GATHER)
static tern_strip512_fn *const strips[TERN_N_BLOCK_SHAPES][4] = {[TERN_BLOCK_1X4] = {one_1, one_2, one_3, one_4},
                                                         [TERN_BLOCK_4X4] = {four_1, four_2, four_3, four_4},
                                                         [TERN_BLOCK_4X1] = {gather_1, gather_4, gather_4, gather_4}};
// clang-format on

void tern_spmm_avx512bw(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                        int k4)
{
    if (tern_spmm_few_avx512(w->shape, m)) {
        few_panels(packed, w, c, ld_c, m, panels, k4);
        return;
    }
    for (int i = 0; i < panels; i++, c += TERN_PANEL) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        if (w->shape == TERN_BLOCK_16X4)
            wide_panel(&p, packed, m, k4, c, ld_c);
        else
            tern_spmm512_narrow_panel(strips, &p, w->shape, packed, m, c, ld_c);
    }
}
