/* Template: narrow blocks times few rows with pmaddwd on 256-bit registers. Rows are multiplied four at a time: their
   inputs of a k step, 16 bits each, are one register, [row][4]. A block of four outputs meets it in four turns, so that
   no lane is idle. Gives few_panels(); each kernel says itself up to how many rows it calls it.

   No parameters. Included by spmm_avx2.c, spmm_avxvnni.c and spmm_avx512bw.c. */
#ifndef TERN_X86_SPMM_256_FEW_TEMPLATE_H
#define TERN_X86_SPMM_256_FEW_TEMPLATE_H

#include "simd/x86/avx2.h"
#include "simd/x86/spmm_rows.h"

enum {
    FEW_GROUP = TERN_SPMM_FEW_GROUP,
    FEW_CHUNK = 256 /* running sums that are kept */
};

struct few_panel {
    const int16_t *x;
    struct tern_sparse_panel p;
    int32_t *c;
    ptrdiff_t ld_c;
    int rows;
};

static ALWAYS_INLINE __m128i load64(const int16_t *x)
{
    return _mm_loadl_epi64((const __m128i *)x);
}

/* A block's inputs of four rows, [row][4]. */
static ALWAYS_INLINE __m256i few_inputs(const int16_t *x, const uint16_t *index, const int columns, const int lanes)
{
    if (columns) {
        const __m128i low =
            _mm_unpacklo_epi16(load64(x + (size_t)index[0] * FEW_GROUP), load64(x + (size_t)index[1] * FEW_GROUP));
        const __m128i high =
            _mm_unpacklo_epi16(load64(x + (size_t)index[2] * FEW_GROUP), load64(x + (size_t)index[3] * FEW_GROUP));
        return _mm256_setr_m128i(_mm_unpacklo_epi32(low, high), _mm_unpackhi_epi32(low, high));
    }
    const int16_t *at = x + (size_t)*index * (size_t)(lanes * TERN_PANEL_K);
    if (lanes == 1)
        return _mm256_broadcastq_epi64(load64(at));
    return lanes == 2 ? _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)at)) : tern_load256(at);
}

/* s<turn> holds row (output ^ turn) of each output, two partial sums side by side. To c[rows][4]. */
static ALWAYS_INLINE void few_store_four(const struct few_panel *f, int32_t *c, __m256i s0, __m256i s1, __m256i s2,
                                         __m256i s3)
{
    const __m256i s01 = _mm256_hadd_epi32(s0, s1), s23 = _mm256_hadd_epi32(s2, s3);
    const __m256i low = tern_straight256(_mm256_shuffle_epi32(_mm256_blend_epi32(s01, s23, 0xF0), 0x6C));
    const __m256i high = tern_straight256(_mm256_shuffle_epi32(_mm256_blend_epi32(s23, s01, 0xF0), 0x6C));
    _mm_storeu_si128((__m128i *)c, _mm256_castsi256_si128(low));
    if (f->rows > 1)
        _mm_storeu_si128((__m128i *)(c + f->ld_c), _mm256_extracti128_si256(low, 1));
    if (f->rows > 2)
        _mm_storeu_si128((__m128i *)(c + 2 * f->ld_c), _mm256_castsi256_si128(high));
    if (f->rows > 3)
        _mm_storeu_si128((__m128i *)(c + 3 * f->ld_c), _mm256_extracti128_si256(high, 1));
}

/* 4x4 and 4x1: a block's sums of four outputs. */
static ALWAYS_INLINE void few_four(const struct few_panel *f, const int columns, const int turns)
{
    const int indices = columns ? TERN_PANEL_K : 1;
    const int8_t *value = f->p.value;
    const uint16_t *index = f->p.index;
    for (int i = 0; i < 4; i++) {
        const __m256i zero = _mm256_setzero_si256();
        __m256i s0 = zero, s1 = zero, s2 = zero, s3 = zero;
        for (int b = f->p.count[i]; b > 0; b--, index += indices, value += 16) {
            const __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)value));
            const __m256i x = few_inputs(f->x, index, columns, turns);
            s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(x, w));
            if (turns > 1)
                s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(_mm256_shuffle_epi32(x, 0x4E), w));
            if (turns > 2) {
                const __m256i y = _mm256_permute4x64_epi64(x, 0x4E);
                s2 = _mm256_add_epi32(s2, _mm256_madd_epi16(y, w));
                s3 = _mm256_add_epi32(s3, _mm256_madd_epi16(_mm256_shuffle_epi32(y, 0x4E), w));
            }
        }
        s1 = turns > 1 ? s1 : s0, s2 = turns > 2 ? s2 : s0, s3 = turns > 2 ? s3 : s1;
        few_store_four(f, f->c + 4 * i, s0, s1, s2, s3);
    }
}

/* 1x4. A strip is too short for a loop of its own, whose end the CPU would not foresee: block after block whatever its
   strip, and what they add up to is kept. A strip's sum is the difference of two of these.
   A register holds four blocks side by side for a row alone, two blocks for two rows, otherwise one. Within a block
   come the rows, with two partial sums each. */
static ALWAYS_INLINE __m256i two_blocks(const int16_t *x, const uint16_t *index)
{
    return _mm256_setr_m128i(_mm_loadu_si128((const __m128i *)(x + (size_t)index[0] * 2 * TERN_PANEL_K)),
                             _mm_loadu_si128((const __m128i *)(x + (size_t)index[1] * 2 * TERN_PANEL_K)));
}
static ALWAYS_INLINE __m256i few_add_four(__m256i sum, __m256i *running, const int16_t *x, const int8_t *value,
                                          const uint16_t *index, const int rows)
{
    const __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)value));
    if (rows == 1) {
        const __m128i low = _mm_unpacklo_epi64(load64(x + (size_t)index[0] * TERN_PANEL_K),
                                               load64(x + (size_t)index[1] * TERN_PANEL_K));
        const __m128i high = _mm_unpacklo_epi64(load64(x + (size_t)index[2] * TERN_PANEL_K),
                                                load64(x + (size_t)index[3] * TERN_PANEL_K));
        return *running = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_setr_m128i(low, high), w));
    }
    if (rows == 2) {
        running[0] = sum =
            _mm256_add_epi32(sum, _mm256_madd_epi16(two_blocks(x, index), _mm256_permute4x64_epi64(w, 0x50)));
        return running[1] = _mm256_add_epi32(
                   sum, _mm256_madd_epi16(two_blocks(x, index + 2), _mm256_permute4x64_epi64(w, 0xFA)));
    }
    running[0] = sum =
        _mm256_add_epi32(sum, _mm256_madd_epi16(few_inputs(x, index, 0, rows), _mm256_permute4x64_epi64(w, 0x00)));
    running[1] = sum =
        _mm256_add_epi32(sum, _mm256_madd_epi16(few_inputs(x, index + 1, 0, rows), _mm256_permute4x64_epi64(w, 0x55)));
    running[2] = sum =
        _mm256_add_epi32(sum, _mm256_madd_epi16(few_inputs(x, index + 2, 0, rows), _mm256_permute4x64_epi64(w, 0xAA)));
    running[3] = sum =
        _mm256_add_epi32(sum, _mm256_madd_epi16(few_inputs(x, index + 3, 0, rows), _mm256_permute4x64_epi64(w, 0xFF)));
    return sum;
}

/* The last one to three blocks of a panel: weights of 0 and an input that is there stand for those that lack. */
static ALWAYS_INLINE __m256i few_add_last(__m256i sum, __m256i *running, const int16_t *x, const int8_t *value,
                                          const uint16_t *index, const int rows, int blocks)
{
    int8_t values[16] = {0};
    uint16_t indices[4];
    memcpy(values, value, (size_t)blocks * TERN_PANEL_K);
    for (int i = 0; i < 4; i++)
        indices[i] = index[i < blocks ? i : 0];
    return few_add_four(sum, running, x, values, indices, rows);
}

static ALWAYS_INLINE void few_one(const struct few_panel *f, const int rows)
{
    const int each = 4 / rows; /* blocks of a running sum */
    __m256i running[FEW_CHUNK + 2], sums[TERN_PANEL], sum = _mm256_setzero_si256(), before = sum;
    int all = 0;
    for (int i = 0; i < TERN_PANEL; i++)
        all += f->p.count[i], sums[i] = sum;
    int strip = 0, end = *f->p.count;
    for (int first = 0; first < all; first += each * FEW_CHUNK) {
        const int blocks = all - first < each * FEW_CHUNK ? all - first : each * FEW_CHUNK;
        const int8_t *value = f->p.value + (ptrdiff_t)first * TERN_PANEL_K;
        const uint16_t *index = f->p.index + first;
        __m256i *to = running;
        *to++ = sum;
        int b = 0;
        for (; b + 4 <= blocks; b += 4, to += 4 / each)
            sum = few_add_four(sum, to, f->x, value + b * TERN_PANEL_K, index + b, rows);
        if (b < blocks)
            sum = few_add_last(sum, to, f->x, value + b * TERN_PANEL_K, index + b, rows, blocks - b);
        for (; strip < TERN_PANEL && end <= first + blocks; strip++) {
            const int at = (end - first) / each, into = (end - first) % each;
            const __m256i part = _mm256_cmpgt_epi64(_mm256_set1_epi64x(into * rows), _mm256_setr_epi64x(0, 1, 2, 3));
            const __m256i here =
                each == 1 ? running[at] : _mm256_blendv_epi8(running[at], running[at + (into > 0)], part);
            sums[strip] = _mm256_sub_epi32(here, before);
            before = here;
            end += strip + 1 < TERN_PANEL ? f->p.count[strip + 1] : 0;
        }
    }
    for (int i = 0; i < TERN_PANEL; i += 4) {
        int32_t *c = f->c + i;
        const __m256i s01 = _mm256_hadd_epi32(sums[i], sums[i + 1]), s23 = _mm256_hadd_epi32(sums[i + 2], sums[i + 3]);
        if (rows == 1) {
            const __m256i s = _mm256_hadd_epi32(s01, s23);
            _mm_storeu_si128((__m128i *)c, _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));
            continue;
        }
        const __m256 f01 = _mm256_castsi256_ps(s01), f23 = _mm256_castsi256_ps(s23);
        __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(f01, f23, 0x88)); /* rows 0 and 2, or 0 of both blocks */
        __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(f01, f23, 0xDD));
        if (rows == 2) {
            even = _mm256_add_epi32(even, _mm256_permute2x128_si256(even, even, 1));
            odd = _mm256_add_epi32(odd, _mm256_permute2x128_si256(odd, odd, 1));
        }
        _mm_storeu_si128((__m128i *)c, _mm256_castsi256_si128(even));
        _mm_storeu_si128((__m128i *)(c + f->ld_c), _mm256_castsi256_si128(odd));
        if (f->rows > 2)
            _mm_storeu_si128((__m128i *)(c + 2 * f->ld_c), _mm256_extracti128_si256(even, 1));
        if (f->rows > 3)
            _mm_storeu_si128((__m128i *)(c + 3 * f->ld_c), _mm256_extracti128_si256(odd, 1));
    }
}

typedef void few_fn(const struct few_panel *f);

#define FEW(name, call)                                                                                                \
    static void few_##name(const struct few_panel *f)                                                                  \
    {                                                                                                                  \
        call;                                                                                                          \
    }
FEW(one_1, few_one(f, 1))
FEW(one_2, few_one(f, 2))
FEW(one_4, few_one(f, 4))
FEW(blocks_1, few_four(f, 0, 1))
FEW(blocks_2, few_four(f, 0, 2))
FEW(blocks_4, few_four(f, 0, 4))
FEW(columns_1, few_four(f, 1, 1))
FEW(columns_2, few_four(f, 1, 2))
FEW(columns_4, few_four(f, 1, 4))
#undef FEW

static few_fn *const few[TERN_N_BLOCK_SHAPES][FEW_GROUP] = {
    [TERN_BLOCK_1X4] = {few_one_1, few_one_2, few_one_4, few_one_4},
    [TERN_BLOCK_4X4] = {few_blocks_1, few_blocks_2, few_blocks_4, few_blocks_4},
    [TERN_BLOCK_4X1] = {few_columns_1, few_columns_2, few_columns_4, few_columns_4}};

/* Multiplies all panels by groups of rows: tern_spmm_fn for rows that tern_spmm256_few_pack has laid out. */
static void few_panels(const int16_t *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m,
                       int panels, int k4)
{
    for (int j = 0; j < panels; j++)
        for (int i = 0; i < m; i += FEW_GROUP) {
            const int rows = m - i < FEW_GROUP ? m - i : FEW_GROUP;
            const struct few_panel f = {packed + (ptrdiff_t)i * k4 * TERN_PANEL_K, tern_sparse_panel_at(w, j),
                                        c + i * ld_c + (ptrdiff_t)j * TERN_PANEL, ld_c, rows};
            few[w->shape][rows - 1](&f);
        }
}

#endif
