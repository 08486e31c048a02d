/* What the block-sparse kernels share: rows in passes, each laid out as its lanes want it, and some panels, whose
   blocks stay near, swept by one pass after the other. One pass alone sweeps them all. */
#ifndef TERN_ARM_SPMM_H
#define TERN_ARM_SPMM_H

#include "simd/arm/neon.h"

#include <string.h>

enum {
    MOST_LANES = 32,
    MOST_PASSES = 6,
    NEAR_LINES = 192, /* 12 KB of the 32 that an L1 cache has */
};

/* The strips of a panel for one pass. A strip's function takes its blocks off value and index. */
struct strip {
    const int8_t *x; /* the pass's rows: [k step][lanes][4], 4x1: [input][lanes] */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *c;
    ptrdiff_t ld_c;
};

/* Panels of w, from its first on, for the rows of one pass: sums to c[rows][16 * panels]. */
typedef void panels_fn(const struct tern_sparse *w, const int8_t *x, int32_t *c, ptrdiff_t ld_c, int rows, int panels);

/* sums[lanes / 4][16][4] to c[rows][16]: vld4 transposes. */
TERN_INLINE void store_across(const int32_t *sums, int rows, int32_t *c, ptrdiff_t ld_c)
{
    for (; rows > 0; rows -= 4, c += 4 * ld_c)
        for (int j = 0; j < TERN_PANEL; j += 4, sums += 16) {
            const int32x4x4_t t = vld4q_s32(sums);
            vst1q_s32(c + j, t.val[0]);
            if (rows > 1)
                vst1q_s32(c + ld_c + j, t.val[1]);
            if (rows > 2)
                vst1q_s32(c + 2 * ld_c + j, t.val[2]);
            if (rows > 3)
                vst1q_s32(c + 3 * ld_c + j, t.val[3]);
        }
}

/* `take` multiplies one strip, s. Its sums go to s.c, c[rows][16] itself, or, with rows across the lanes of registers,
   to sums[lanes / 4][16][4]. */
#define PANELS(name, shape, across, take)                                                                              \
    static void name(const struct tern_sparse *w, const int8_t *x, int32_t *c, ptrdiff_t ld_c, int rows, int panels)   \
    {                                                                                                                  \
        int32_t sums[(across) ? TERN_PANEL * MOST_LANES : 1];                                                          \
        const int8_t *value = w->value;                                                                                \
        const uint16_t *index = w->index, *count = w->count;                                                           \
        for (int i = 0; i < panels; i++, c += TERN_PANEL) {                                                            \
            struct strip s = {x, value, index, 0, (across) ? sums : c, ld_c};                                          \
            for (int j = 0; j < tern_block_strips(shape); j++) {                                                       \
                s.blocks = *count++;                                                                                   \
                take;                                                                                                  \
                s.c += tern_block_outputs(shape) * ((across) ? 4 : 1);                                                 \
            }                                                                                                          \
            if (across)                                                                                                \
                store_across(sums, rows, c, ld_c);                                                                     \
            const ptrdiff_t lines = w->first[i + 1] - w->first[i];                                                     \
            value += lines * TERN_LINE;                                                                                \
            index += lines * tern_line_indices(shape);                                                                 \
        }                                                                                                              \
    }

/* The first of a shape's passes that asks for no more rows than are left is taken. Lanes without a row repeat the last
   one; up to four of them. */
struct pass {
    int lanes, least;
    panels_fn *panels;
};

TERN_INLINE const struct pass *pass_of(const struct pass *pass, int rows)
{
    while (rows < pass->least)
        pass++;
    return pass;
}

/* ---- How rows are laid out ------------------------------------------------------------------------------------- */

/* Four rows' 16 inputs: k steps, or for columns four inputs, of all four rows together. */
TERN_INLINE int8x16x4_t together(const int8_t *const *row, ptrdiff_t at, int columns)
{
    const int8x16_t a = vld1q_s8(row[0] + at), b = vld1q_s8(row[1] + at);
    const int8x16_t c = vld1q_s8(row[2] + at), d = vld1q_s8(row[3] + at);
    int8x16x4_t t;
    if (columns) {
        const int8x16x2_t ab = vzipq_s8(a, b), cd = vzipq_s8(c, d);
        const int16x8x2_t low = vzipq_s16(vreinterpretq_s16_s8(ab.val[0]), vreinterpretq_s16_s8(cd.val[0]));
        const int16x8x2_t high = vzipq_s16(vreinterpretq_s16_s8(ab.val[1]), vreinterpretq_s16_s8(cd.val[1]));
        t.val[0] = vreinterpretq_s8_s16(low.val[0]), t.val[1] = vreinterpretq_s8_s16(low.val[1]);
        t.val[2] = vreinterpretq_s8_s16(high.val[0]), t.val[3] = vreinterpretq_s8_s16(high.val[1]);
        return t;
    }
    const int32x4x2_t ab = vtrnq_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b));
    const int32x4x2_t cd = vtrnq_s32(vreinterpretq_s32_s8(c), vreinterpretq_s32_s8(d));
    t.val[0] = vreinterpretq_s8_s32(vcombine_s32(vget_low_s32(ab.val[0]), vget_low_s32(cd.val[0])));
    t.val[1] = vreinterpretq_s8_s32(vcombine_s32(vget_low_s32(ab.val[1]), vget_low_s32(cd.val[1])));
    t.val[2] = vreinterpretq_s8_s32(vcombine_s32(vget_high_s32(ab.val[0]), vget_high_s32(cd.val[0])));
    t.val[3] = vreinterpretq_s8_s32(vcombine_s32(vget_high_s32(ab.val[1]), vget_high_s32(cd.val[1])));
    return t;
}

TERN_INLINE void put_words(int8_t *to, ptrdiff_t lanes, int8x16_t four)
{
    const int32x4_t w = vreinterpretq_s32_s8(four);
    vst1q_lane_s32((int32_t *)(void *)to, w, 0);
    vst1q_lane_s32((int32_t *)(void *)(to + lanes), w, 1);
    vst1q_lane_s32((int32_t *)(void *)(to + 2 * lanes), w, 2);
    vst1q_lane_s32((int32_t *)(void *)(to + 3 * lanes), w, 3);
}

/* Bytes of one k step of one row: together in words, or one to a column. */
TERN_INLINE void put_step(int8_t *to, ptrdiff_t lanes, const int8_t *a, int columns)
{
    if (!columns)
        memcpy(to, a, TERN_PANEL_K);
    else
        for (int i = 0; i < TERN_PANEL_K; i++)
            to[i * lanes] = a[i];
}

/* Four lanes of a pass. */
TERN_INLINE void pack_four(int8_t *to, ptrdiff_t lanes, const int8_t *const *row, int columns, int k4)
{
    const ptrdiff_t step = lanes * TERN_PANEL_K;
    int k = 0;
    for (; k + 4 <= k4; k += 4, to += 4 * step) {
        const int8x16x4_t t = together(row, k * TERN_PANEL_K, columns);
        if (columns) {
            put_words(to, lanes, t.val[0]);
            put_words(to + step, lanes, t.val[1]);
            put_words(to + 2 * step, lanes, t.val[2]);
            put_words(to + 3 * step, lanes, t.val[3]);
        } else {
            vst1q_s8(to, t.val[0]);
            vst1q_s8(to + step, t.val[1]);
            vst1q_s8(to + 2 * step, t.val[2]);
            vst1q_s8(to + 3 * step, t.val[3]);
        }
    }
    for (; k < k4; k++, to += step)
        for (int i = 0; i < 4; i++)
            put_step(to + i * (columns ? 1 : TERN_PANEL_K), lanes, row[i] + k * TERN_PANEL_K, columns);
}

TERN_INLINE void pack_two(int8_t *to, const int8_t *a, const int8_t *b, int columns, int k4)
{
    int k = 0;
    for (; k + 4 <= k4; k += 4, a += 16, b += 16, to += 32) {
        const int8x16x2_t bytes = {{vld1q_s8(a), vld1q_s8(b)}};
        const int32x4x2_t words = {{vreinterpretq_s32_s8(bytes.val[0]), vreinterpretq_s32_s8(bytes.val[1])}};
        if (columns)
            vst2q_s8(to, bytes);
        else
            vst2q_s32((int32_t *)(void *)to, words);
    }
    for (; k < k4; k++, a += TERN_PANEL_K, b += TERN_PANEL_K, to += 2 * TERN_PANEL_K) {
        put_step(to, 2, a, columns);
        put_step(to + (columns ? 1 : TERN_PANEL_K), 2, b, columns);
    }
}

TERN_INLINE void pack_pass(int8_t *to, const int8_t *a, ptrdiff_t ld_a, int rows, int lanes, int columns, int k4)
{
    if (lanes == 1)
        memcpy(to, a, (size_t)k4 * TERN_PANEL_K);
    else if (lanes == 2)
        pack_two(to, a, a + ld_a, columns, k4);
    else
        for (int i = 0; i < lanes; i += 4) {
            const int8_t *row[4];
            for (int j = 0; j < 4; j++)
                row[j] = a + (i + j < rows ? i + j : rows - 1) * ld_a;
            pack_four(to + i * (columns ? 1 : TERN_PANEL_K), lanes, row, columns, k4);
        }
}

/* ---- How they are read ----------------------------------------------------------------------------------------- */

/* The strip's next index. In assembly: compilers spend another instruction on its place. */
TERN_INLINE ptrdiff_t next(struct strip *s)
{
    const uint16_t *const at = s->index;
    uint32_t i;
#ifdef __aarch64__
    __asm__("ldrh %w0, [%1], #2" : "=r"(i), "+r"(s->index) : "m"(*at));
#else
    __asm__("ldrh %0, [%1], #2" : "=r"(i), "+r"(s->index) : "m"(*at));
#endif
    return (ptrdiff_t)i;
}

/* The inputs of the strip's next index, `bytes` to a k step; pinned, as compilers would shift before they add. */
TERN_INLINE const int8_t *next_step(struct strip *s, const int bytes)
{
    const int8_t *at = s->x + next(s) * bytes;
    TERN_HIDE_SCALAR(at);
    return at;
}

TERN_INLINE void advance(struct strip *s, const int bytes)
{
    s->value += bytes;
    TERN_HIDE_SCALAR(s->value);
}

#ifdef __aarch64__
/* Four bytes, then zeros. In assembly, as compilers would add up the address first. */
TERN_INLINE int8x16_t load_word_wide(const int8_t *a)
{
    typedef int32_t __attribute__((may_alias, aligned(1))) word;
    int8x16_t v;
    __asm__("ldr %s0, %1" : "=w"(v) : "m"(*(const word *)(const void *)a));
    return v;
}

TERN_INLINE int8x8_t load_word(const int8_t *a)
{
    return vget_low_s8(load_word_wide(a));
}

/* Four rows' four inputs of a block of 4x1, which lie apart: [row][input]. */
TERN_INLINE int8x16_t four_inputs(struct strip *s)
{
    const int8x16_t a = load_word_wide(s->x + 4 * next(s)), b = load_word_wide(s->x + 4 * next(s));
    const int8x16_t c = load_word_wide(s->x + 4 * next(s)), d = load_word_wide(s->x + 4 * next(s));
    const int8x16_t ab = vzip1q_s8(a, b), cd = vzip1q_s8(c, d);
    return vreinterpretq_s8_s16(vzip1q_s16(vreinterpretq_s16_s8(ab), vreinterpretq_s16_s8(cd)));
}
#else
TERN_INLINE int8x8_t load_word(const int8_t *a)
{
    return vreinterpret_s8_s32(vld1_lane_s32((const int32_t *)(const void *)a, vdup_n_s32(0), 0));
}

TERN_INLINE int8x16_t four_inputs(struct strip *s)
{
    const int8x8_t a = load_word(s->x + 4 * next(s)), b = load_word(s->x + 4 * next(s));
    const int8x8_t c = load_word(s->x + 4 * next(s)), d = load_word(s->x + 4 * next(s));
    const int8x8_t ab = vzip_s8(a, b).val[0], cd = vzip_s8(c, d).val[0];
    const int16x4x2_t all = vzip_s16(vreinterpret_s16_s8(ab), vreinterpret_s16_s8(cd));
    return vreinterpretq_s8_s16(vcombine_s16(all.val[0], all.val[1]));
}
#endif

/* ---- A call ---------------------------------------------------------------------------------------------------- */

TERN_INLINE void spmm(const struct pass *passes, const int8_t *a, ptrdiff_t ld_a, int8_t *packed,
                      const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    const struct pass *pass;
    const ptrdiff_t k = (ptrdiff_t)k4 * TERN_PANEL_K;
    for (int row = 0; a && row < m; row += pass->lanes) {
        pass = pass_of(passes, m - row);
        const int rows = m - row < pass->lanes ? m - row : pass->lanes;
        pack_pass(packed + row * k, a + row * ld_a, ld_a, rows, pass->lanes, w->shape == TERN_BLOCK_4X1, k4);
    }
    const int alone = m > 0 && pass_of(passes, m)->lanes >= m;
    for (int i = 0, end; i < panels; i = end) {
        end = alone ? panels : i + 1;
        while (end < panels && w->first[end + 1] - w->first[i] <= NEAR_LINES)
            end++;
        const struct tern_sparse at = tern_sparse_at(w, i);
        for (int row = 0; row < m; row += pass->lanes) {
            pass = pass_of(passes, m - row);
            pass->panels(&at, packed + row * k, c + row * ld_c + i * TERN_PANEL, ld_c,
                         m - row < pass->lanes ? m - row : pass->lanes, end - i);
        }
    }
}

#endif
