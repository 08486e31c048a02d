/* Multiplies block-sparse weights with AVX-512 VNNI's vpdpbusd. Activations are the unsigned operand: packed once with
   128 added; 128 times the sum of the weights is taken off each output at the end, so that no product waits for it. All
   of it wraps modulo 2^32, so it is exact whenever the result fits. Three forms: blocks of 16x4 have the channels in
   the lanes (spmm_512_wide_template.h); narrow blocks and few rows lie side by side (spmm_512_few_template.h); for more
   rows 16 of them are in the lanes and weights are broadcast, here (Intel's sparse kernels: Shen et al., "An efficient
   sparse inference software accelerator for transformer-based language models on CPUs", 2023), with a transpose at the
   end; 4x1 gathers four inputs of [input][row] first.

   1x4 waits for its loads, as many as products and the indices: hence four of these in one load. Of 28 us at 64 rows
   (768 x 768, 80 % zero, Zen 5) blocks take 20, of which 14 are the lines alone at two a cycle; the rest is strips'
   ends, sums and packing. */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/spmm512.h"

enum { LANES = 16 };

static ALWAYS_INLINE __m512i add_product(__m512i sum, __m512i x, __m512i w)
{
    sum = _mm512_dpbusd_epi32(sum, x, w);
    TERN_PIN(sum); /* else gcc copies the sums of a loop that may run zero times at every step, and spills */
    return sum;
}

#include "simd/x86/spmm_512_few_template.h"
#include "simd/x86/spmm_512_wide_template.h"

/* ---- Narrow blocks: rows in the lanes --------------------------------------------------------------------------- */

// clang-format off
#define ALL_VECTORS(do) do(0) do(1) do(2) do(3)
// clang-format on

/* A block's inputs of the first 16 rows; those of the others follow. */
static ALWAYS_INLINE const uint8_t *row_line(const struct tern_strip512 *s, size_t index, const int vectors)
{
    return s->x + index * (size_t)(vectors * TERN_LINE);
}
static ALWAYS_INLINE __m512i one_row(const struct tern_strip512 *s, const uint16_t *index)
{
    return _mm512_load_si512(row_line(s, *index, 1));
}

/* 1x4: four blocks at a time, whose weights are one load, and their indices another; a sum for each of the four. */
#define START_ROW(v) __m512i s0_##v = zero, s1_##v = zero, s2_##v = zero, s3_##v = zero;
#define MULTIPLY_ROW(i, v)                                                                                             \
    if (v < vectors)                                                                                                   \
        s##i##_##v = add_product(s##i##_##v, _mm512_load_si512(x + v * TERN_LINE), u);
#define MULTIPLY_BLOCK(i, same)                                                                                        \
    {                                                                                                                  \
        const uint8_t *x = row_line(s, at >> 16 * i & 0xFFFF, vectors);                                                \
        const __m512i u = _mm512_shuffle_epi32(w, same);                                                               \
        MULTIPLY_ROW(i, 0) MULTIPLY_ROW(i, 1) MULTIPLY_ROW(i, 2) MULTIPLY_ROW(i, 3)                                    \
    }
#define STORE_ROW(v)                                                                                                   \
    if (v < vectors) {                                                                                                 \
        const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(s0_##v, s1_##v), _mm512_add_epi32(s2_##v, s3_##v));      \
        _mm512_store_si512(s->out + v * LANES, _mm512_sub_epi32(sum, excess));                                         \
    }

/* Up to four blocks: their weights in each 128 bits, and their indices. */
#define MULTIPLY_BLOCKS(blocks, weights, indices)                                                                      \
    {                                                                                                                  \
        const __m512i w = _mm512_broadcast_i32x4(weights);                                                             \
        const uint64_t at = (uint64_t)_mm_cvtsi128_si64(indices);                                                      \
        excess = add_product(excess, offset, w);                                                                       \
        MULTIPLY_BLOCK(0, 0x00)                                                                                        \
        if (blocks > 1)                                                                                                \
            MULTIPLY_BLOCK(1, 0x55)                                                                                    \
        if (blocks > 2)                                                                                                \
            MULTIPLY_BLOCK(2, 0xAA)                                                                                    \
        if (blocks > 3)                                                                                                \
            MULTIPLY_BLOCK(3, 0xFF)                                                                                    \
    }

static ALWAYS_INLINE void row_strip(const struct tern_strip512 *s, const int vectors)
{
    const __m512i zero = _mm512_setzero_si512(), offset = _mm512_set1_epi8(-128);
    __m512i excess = zero; /* 128 times the sums of each four blocks' weights */
    ALL_VECTORS(START_ROW)
    const int8_t *value = s->value;
    const uint16_t *index = s->index;
    int left = s->blocks;
    for (; left >= 4; left -= 4, index += 4, value += 4 * TERN_PANEL_K)
        MULTIPLY_BLOCKS(4, _mm_loadu_si128((const __m128i *)value), _mm_loadl_epi64((const __m128i *)index))
    if (left > 0) {
        const __mmask8 some = (__mmask8)((1 << left) - 1);
        MULTIPLY_BLOCKS(left, _mm_maskz_loadu_epi32(some, value), _mm_maskz_loadu_epi16(some, index))
    }
    excess = _mm512_add_epi32(excess, _mm512_shuffle_epi32(excess, 0x4E));
    excess = _mm512_add_epi32(excess, _mm512_shuffle_epi32(excess, 0xB1));
    ALL_VECTORS(STORE_ROW)
}

#define ONE(vectors)                                                                                                   \
    static void one_##vectors(const struct tern_strip512 *s)                                                           \
    {                                                                                                                  \
        row_strip(s, vectors);                                                                                         \
    }
ONE(1)
ONE(2)
ONE(3)
ONE(4)

/* 4x4 and 4x1: four outputs. */
#define START_FOUR(v) __m512i s0_##v = zero, s1_##v = zero, s2_##v = zero, s3_##v = zero;
#define MULTIPLY_FOUR(v)                                                                                               \
    if (v < vectors) {                                                                                                 \
        s0_##v = add_product(s0_##v, x##v, w0);                                                                        \
        s1_##v = add_product(s1_##v, x##v, w1);                                                                        \
        s2_##v = add_product(s2_##v, x##v, w2);                                                                        \
        s3_##v = add_product(s3_##v, x##v, w3);                                                                        \
    }
#define STORE_FOUR(v)                                                                                                  \
    if (v < vectors) {                                                                                                 \
        int32_t *out = s->out + v * LANES;                                                                             \
        _mm512_store_si512(out, _mm512_sub_epi32(s0_##v, _mm512_shuffle_epi32(excess, 0x00)));                         \
        _mm512_store_si512(out + TERN_SPMM_ROWS, _mm512_sub_epi32(s1_##v, _mm512_shuffle_epi32(excess, 0x55)));        \
        _mm512_store_si512(out + 2 * TERN_SPMM_ROWS, _mm512_sub_epi32(s2_##v, _mm512_shuffle_epi32(excess, 0xAA)));    \
        _mm512_store_si512(out + 3 * TERN_SPMM_ROWS, _mm512_sub_epi32(s3_##v, _mm512_shuffle_epi32(excess, 0xFF)));    \
    }

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

/* Adds up the four 128 bits, into each of them. */
static ALWAYS_INLINE __m512i sum_quarters(__m512i sum)
{
    sum = _mm512_add_epi32(sum, _mm512_shuffle_i32x4(sum, sum, 0x4E));
    return _mm512_add_epi32(sum, _mm512_shuffle_i32x4(sum, sum, 0xB1));
}

/* The rows' inputs of a block are loaded as a k step, or gathered. */
enum inputs { STEP, GATHER };

static ALWAYS_INLINE void four_strip(const struct tern_strip512 *s, const int vectors, const enum inputs inputs)
{
    const __m512i zero = _mm512_setzero_si512(), offset = _mm512_set1_epi8(-128);
    __m512i excess4 = zero; /* of four blocks side by side */
    ALL_VECTORS(START_FOUR)
    const int8_t *value = s->value;
    const uint16_t *index = s->index;
    for (int left = s->blocks; left > 0; left -= 4) {
        const int blocks = left < 4 ? left : 4;
        excess4 = add_product(excess4, offset, _mm512_maskz_loadu_epi8(tern_mask64(16 * blocks), value));
        for (int b = 0; b < blocks; b++, value += 16) {
            __m512i x0 = zero, x1 = zero, x2 = zero, x3 = zero;
            if (inputs == STEP) {
                const uint8_t *x = row_line(s, *index++, vectors);
                x0 = _mm512_load_si512(x);
                if (vectors > 1)
                    x1 = _mm512_load_si512(x + TERN_LINE);
                if (vectors > 2)
                    x2 = _mm512_load_si512(x + 2 * TERN_LINE);
                if (vectors > 3)
                    x3 = _mm512_load_si512(x + 3 * TERN_LINE);
            } else {
                tern_gather64(s->x, s->step, index, &x0, &x1, &x2, &x3);
                index += 4;
            }
            const __m512i w0 = tern_four512(value), w1 = tern_four512(value + 4);
            const __m512i w2 = tern_four512(value + 8), w3 = tern_four512(value + 12);
            ALL_VECTORS(MULTIPLY_FOUR)
        }
    }
    const __m512i excess = sum_quarters(excess4);
    ALL_VECTORS(STORE_FOUR)
}

/* 128 times the sums of four outputs' weights, in each 128 bits. */
static ALWAYS_INLINE __m512i four_excess(const int8_t *value, int blocks)
{
    const int lines = blocks / 4, left = blocks % 4 * 16;
    return sum_quarters(add_product(excess_of(value, lines), _mm512_set1_epi8(-128),
                                    _mm512_maskz_loadu_epi8(tern_mask64(left), value + lines * TERN_LINE)));
}

/* With one vector of rows: two blocks at a time, each with sums of its own, because a product waits for the one before.
 */
struct four_sums {
    __m512i s0, s1, s2, s3;
};
static ALWAYS_INLINE struct four_sums add_four(struct four_sums t, __m512i x, const int8_t *value)
{
    const __m512i w = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)value));
    t.s0 = add_product(t.s0, x, _mm512_shuffle_epi32(w, 0x00));
    t.s1 = add_product(t.s1, x, _mm512_shuffle_epi32(w, 0x55));
    t.s2 = add_product(t.s2, x, tern_four512(value + 8));
    t.s3 = add_product(t.s3, x, tern_four512(value + 12));
    return t;
}

static ALWAYS_INLINE void four_strip_1(const struct tern_strip512 *s, const enum inputs inputs)
{
    const __m512i zero = _mm512_setzero_si512(), places = tern_spread16(), excess = four_excess(s->value, s->blocks);
    struct four_sums even = {zero, zero, zero, zero}, odd = even;
    const int8_t *value = s->value;
    const uint16_t *index = s->index;
    const int each = inputs == STEP ? 1 : 4;
    for (int b = s->blocks; b > 0; b -= 2, value += 32, index += 2 * each) {
        even = add_four(even, inputs == STEP ? one_row(s, index) : tern_gather16(s->x, s->step, index, places), value);
        if (b > 1)
            odd =
                add_four(odd, inputs == STEP ? one_row(s, index + 1) : tern_gather16(s->x, s->step, index + 4, places),
                         value + 16);
    }
    const struct four_sums t = {_mm512_add_epi32(even.s0, odd.s0), _mm512_add_epi32(even.s1, odd.s1),
                                _mm512_add_epi32(even.s2, odd.s2), _mm512_add_epi32(even.s3, odd.s3)};
    _mm512_store_si512(s->out, _mm512_sub_epi32(t.s0, _mm512_shuffle_epi32(excess, 0x00)));
    _mm512_store_si512(s->out + TERN_SPMM_ROWS, _mm512_sub_epi32(t.s1, _mm512_shuffle_epi32(excess, 0x55)));
    _mm512_store_si512(s->out + 2 * TERN_SPMM_ROWS, _mm512_sub_epi32(t.s2, _mm512_shuffle_epi32(excess, 0xAA)));
    _mm512_store_si512(s->out + 3 * TERN_SPMM_ROWS, _mm512_sub_epi32(t.s3, _mm512_shuffle_epi32(excess, 0xFF)));
}

#define FOUR(vectors)                                                                                                  \
    static void four_##vectors(const struct tern_strip512 *s)                                                          \
    {                                                                                                                  \
        four_strip(s, vectors, STEP);                                                                                  \
    }
FOUR(2)
FOUR(3)
FOUR(4)
static void four_1(const struct tern_strip512 *s)
{
    four_strip_1(s, STEP);
}
static void gather_1(const struct tern_strip512 *s)
{
    four_strip_1(s, GATHER);
}
static void gather_4(const struct tern_strip512 *s)
{
    four_strip(s, 4, GATHER);
}
static tern_strip512_fn *const strips[TERN_N_BLOCK_SHAPES][4] = {
    [TERN_BLOCK_1X4] = {one_1, one_2, one_3, one_4},
    [TERN_BLOCK_4X4] = {four_1, four_2, four_3, four_4},
    [TERN_BLOCK_4X1] = {gather_1, gather_4, gather_4, gather_4}};

/* Not inlined: 16 rows of 1x4 take 2 % more time then (gcc 12, Zen 5). */
static __attribute__((noinline)) void narrow_panel(const struct tern_sparse_panel *p, enum tern_block_shape shape,
                                                   const uint8_t *packed, int m, int32_t *c, ptrdiff_t ld_c)
{
    tern_spmm512_narrow_panel(strips, p, shape, packed, m, c, ld_c);
}

void tern_spmm_avx512vnni(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m,
                          int panels, int k4)
{
    if (tern_spmm_few_avx512(w->shape, m)) {
        few_panels(packed, w, c, ld_c, m, panels, k4);
        return;
    }
    if (w->shape == TERN_BLOCK_16X4) {
        wide_panels(w, packed, c, ld_c, m, panels, k4);
        return;
    }
    for (int i = 0; i < panels; i++, c += TERN_PANEL) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        narrow_panel(&p, w->shape, packed, m, c, ld_c);
    }
}
