/* The block-sparse products of ARM: how a pass (spmm_passes.h) reads its strips and its panels, and how passes share
   panels. Several passes sweep as many panels in turn as stay in the L1 cache; where one pass takes all rows it sweeps
   all panels. */
#ifndef TERN_ARM_SPMM_H
#define TERN_ARM_SPMM_H

#include "simd/arm/neon.h"
#include "simd/arm/spmm_passes.h"

enum {
    MOST_LANES = 32,
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

TERN_INLINE void spmm(const struct tern_pass *passes, const int8_t *packed, const struct tern_sparse *w, int32_t *c,
                      ptrdiff_t ld_c, int m, int panels, int k4)
{
    const struct tern_pass *pass;
    const ptrdiff_t k = (ptrdiff_t)k4 * TERN_PANEL_K;
    const int alone = m > 0 && tern_pass_of(passes, m)->lanes >= m;
    for (int i = 0, end; i < panels; i = end) {
        end = alone ? panels : i + 1;
        while (end < panels && w->first[end + 1] - w->first[i] <= NEAR_LINES)
            end++;
        const struct tern_sparse at = tern_sparse_at(w, i);
        for (int row = 0; row < m; row += pass->lanes) {
            pass = tern_pass_of(passes, m - row);
            pass->panels(&at, packed + row * k, c + row * ld_c + i * TERN_PANEL, ld_c,
                         m - row < pass->lanes ? m - row : pass->lanes, end - i);
        }
    }
}

#endif
