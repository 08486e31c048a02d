/* Template: narrow blocks times few rows with 512-bit registers. Rows are multiplied four at a time: four blocks lie
   side by side in a register, each with its inputs of the four rows, so that one product works on all four. Gives
   few_panels().

   Parameter, which the kernel defines before it includes this:
     static ALWAYS_INLINE __m512i add_product(__m512i sum, __m512i x, __m512i w)      x unsigned, w signed
   Included by spmm_avx512vnni.c. */
#ifndef TERN_X86_SPMM_512_FEW_TEMPLATE_H
#define TERN_X86_SPMM_512_FEW_TEMPLATE_H

#include "simd/x86/spmm512.h"

enum {
    GROUP = TERN_SPMM_FEW_GROUP,
    STEP_BYTES = 16, /* four rows' inputs of a k step */
    CHUNK = 96       /* fours of blocks whose running sums are kept */
};

/* The 128 bits of each added up: those of r[i] to the i-th 128 bits. */
static ALWAYS_INLINE __m512i add_quarters(__m512i r0, __m512i r1, __m512i r2, __m512i r3)
{
    const __m512i a = _mm512_add_epi32(_mm512_shuffle_i32x4(r0, r1, 0x88), _mm512_shuffle_i32x4(r0, r1, 0xDD));
    const __m512i b = _mm512_add_epi32(_mm512_shuffle_i32x4(r2, r3, 0x88), _mm512_shuffle_i32x4(r2, r3, 0xDD));
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xDD));
}

static ALWAYS_INLINE __m128i step_of_rows(const uint8_t *x, size_t step)
{
    return _mm_load_si128((const __m128i *)(x + step * STEP_BYTES));
}
/* A block of 4x1 gathers four inputs of four rows, [input][row]. */
static ALWAYS_INLINE __m128i inputs_of_rows(const uint8_t *x, const uint16_t *index)
{
    int32_t v[4];
    for (int i = 0; i < 4; i++)
        memcpy(v + i, x + (size_t)index[i] * GROUP, sizeof *v);
    return _mm_setr_epi32(v[0], v[1], v[2], v[3]);
}
static ALWAYS_INLINE __m512i side_by_side(__m128i x0, __m128i x1, __m128i x2, __m128i x3)
{
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(x0), x1, 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(x2), x3, 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* The inputs of four blocks; or of fewer, then of the first again, which meet weights of 0. */
static ALWAYS_INLINE __m512i inputs_of_four(const uint8_t *x, const uint16_t *index, const int indices, int blocks)
{
    const uint16_t *i1 = index + (blocks > 1 ? indices : 0), *i2 = index + (blocks > 2 ? 2 * indices : 0);
    const uint16_t *i3 = index + (blocks > 3 ? 3 * indices : 0);
    if (indices == 1)
        return side_by_side(step_of_rows(x, *index), step_of_rows(x, *i1), step_of_rows(x, *i2), step_of_rows(x, *i3));
    return tern_transpose_bytes(
        side_by_side(inputs_of_rows(x, index), inputs_of_rows(x, i1), inputs_of_rows(x, i2), inputs_of_rows(x, i3)));
}

/* Four outputs: x's rows turn past the weights' outputs, so s<i> holds row (output + i) % 4 of each output. */
struct few_sums {
    __m512i s0, s1, s2, s3, excess;
};

static ALWAYS_INLINE struct few_sums few_add(struct few_sums t, __m512i x, __m512i w, const int turns)
{
    t.s0 = add_product(t.s0, x, w);
    if (turns > 1)
        t.s1 = add_product(t.s1, _mm512_shuffle_epi32(x, 0x39), w);
    if (turns > 2) {
        t.s2 = add_product(t.s2, _mm512_shuffle_epi32(x, 0x4E), w);
        t.s3 = add_product(t.s3, _mm512_shuffle_epi32(x, 0x93), w);
    }
    t.excess = add_product(t.excess, _mm512_set1_epi8(-128), w);
    return t;
}

/* A strip of four outputs: [row][output]. */
static ALWAYS_INLINE __m512i few_strip(const uint8_t *x, const int8_t *value, const uint16_t *index, int blocks,
                                       const int indices, const int turns)
{
    const __m512i zero = _mm512_setzero_si512();
    struct few_sums t = {zero, zero, zero, zero, zero};
    for (; blocks >= 4; blocks -= 4, index += 4 * indices, value += TERN_LINE)
        t = few_add(t, inputs_of_four(x, index, indices, 4), _mm512_loadu_si512(value), turns);
    if (blocks)
        t = few_add(t, inputs_of_four(x, index, indices, blocks),
                    _mm512_maskz_loadu_epi8(tern_mask64(16 * blocks), value), turns);
    /* element 4 * turn + output to 4 * row + output */
    const __m512i order = _mm512_setr_epi32(0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3);
    const __m512i excess = add_quarters(t.excess, t.excess, t.excess, t.excess);
    if (turns == 1)
        return _mm512_sub_epi32(add_quarters(t.s0, t.s0, t.s0, t.s0), excess);
    if (turns == 2)
        t.s2 = t.s0, t.s3 = t.s1;
    return _mm512_sub_epi32(_mm512_permutexvar_epi32(order, add_quarters(t.s0, t.s1, t.s2, t.s3)), excess);
}

struct few_panel {
    const uint8_t *x;
    struct tern_sparse_panel p;
    int32_t *c;
    ptrdiff_t ld_c;
    int rows;
};

/* [row][output] of four strips to c[rows][16]. */
static ALWAYS_INLINE void few_store(__m512i *r, const struct few_panel *f)
{
    tern_transpose_quarters(r);
    TERN_UNROLL
    for (int i = 0; i < GROUP; i++)
        if (i < f->rows)
            _mm512_storeu_si512(f->c + i * f->ld_c, r[i]);
}

static ALWAYS_INLINE void few_four(const struct few_panel *f, const int indices, const int turns)
{
    const int8_t *value = f->p.value;
    const uint16_t *index = f->p.index;
    __m512i r[4];
    for (int i = 0; i < 4; i++) {
        const int blocks = f->p.count[i];
        r[i] = few_strip(f->x, value, index, blocks, indices, turns);
        value += blocks * 16, index += blocks * indices;
    }
    few_store(r, f);
}

/* 1x4. A strip is too short for a loop of its own, whose end the CPU would not foresee: four blocks at a time whatever
   their strip, and what they add up to after each is kept. A strip's sum is the difference of two of these. */
static ALWAYS_INLINE __m512i one_add(__m512i sum, __m512i x, __m128i four_w)
{
    const __m512i zero = _mm512_setzero_si512(), offset = _mm512_set1_epi8(-128);
    const __m512i spread = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m512i w = _mm512_permutexvar_epi32(spread, _mm512_castsi128_si512(four_w));
    return _mm512_add_epi32(sum,
                            _mm512_sub_epi32(_mm512_dpbusd_epi32(zero, x, w), _mm512_dpbusd_epi32(zero, offset, w)));
}

static void few_one(const struct few_panel *f)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i running[CHUNK + 2], sums[TERN_PANEL], sum = zero, before = zero;
    int all = 0;
    for (int i = 0; i < TERN_PANEL; i++)
        all += f->p.count[i], sums[i] = zero;
    int strip = 0, end = *f->p.count;
    for (int first = 0; first < all; first += 4 * CHUNK) {
        const int blocks = all - first < 4 * CHUNK ? all - first : 4 * CHUNK;
        const int8_t *value = f->p.value + (ptrdiff_t)first * TERN_PANEL_K;
        const uint16_t *index = f->p.index + first;
        running[0] = sum;
        __m512i *to = running + 1;
        int left = blocks;
        for (; left >= 4; left -= 4, value += 16, index += 4)
            *to++ = sum = one_add(sum, inputs_of_four(f->x, index, 1, 4), _mm_loadu_si128((const __m128i *)value));
        if (left)
            *to = sum = one_add(sum, inputs_of_four(f->x, index, 1, left),
                                _mm_maskz_loadu_epi32((__mmask8)tern_mask16(left), value));
        for (; strip < TERN_PANEL && end <= first + blocks; strip++) {
            const int at = (end - first) / 4, into = (end - first) % 4;
            const __m512i here = _mm512_mask_mov_epi32(running[at], tern_mask16(4 * into), running[at + (into > 0)]);
            sums[strip] = _mm512_sub_epi32(here, before);
            before = here;
            end += strip + 1 < TERN_PANEL ? f->p.count[strip + 1] : 0;
        }
    }
    /* [strip][row] to [row][strip] */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i r[4];
    TERN_UNROLL
    for (int i = 0; i < 4; i++)
        r[i] = _mm512_permutexvar_epi32(order,
                                        add_quarters(sums[4 * i], sums[4 * i + 1], sums[4 * i + 2], sums[4 * i + 3]));
    few_store(r, f);
}

typedef void few_fn(const struct few_panel *f);

#define FEW_FOUR(turns)                                                                                                \
    static void few_blocks_##turns(const struct few_panel *f)                                                          \
    {                                                                                                                  \
        few_four(f, 1, turns);                                                                                         \
    }                                                                                                                  \
    static void few_columns_##turns(const struct few_panel *f)                                                         \
    {                                                                                                                  \
        few_four(f, 4, turns);                                                                                         \
    }
FEW_FOUR(1)
FEW_FOUR(2)
FEW_FOUR(4)

static few_fn *const few[TERN_N_BLOCK_SHAPES][GROUP] = {
    [TERN_BLOCK_1X4] = {few_one, few_one, few_one, few_one},
    [TERN_BLOCK_4X4] = {few_blocks_1, few_blocks_2, few_blocks_4, few_blocks_4},
    [TERN_BLOCK_4X1] = {few_columns_1, few_columns_2, few_columns_4, few_columns_4}};

static void few_panels(const uint8_t *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m,
                       int panels, int k4)
{
    for (int j = 0; j < panels; j++)
        for (int i = 0; i < m; i += GROUP) {
            const int rows = m - i < GROUP ? m - i : GROUP;
            const struct few_panel f = {packed + (ptrdiff_t)i * k4 * TERN_PANEL_K, tern_sparse_panel_at(w, j),
                                        c + i * ld_c + (ptrdiff_t)j * TERN_PANEL, ld_c, rows};
            few[w->shape][rows - 1](&f);
        }
}

#endif
