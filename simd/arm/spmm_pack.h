/* Lays out the rows of a block-sparse product on ARM, pass by pass (spmm_passes.h), each as its lanes want it, [k
   step][lanes][4] or for 4x1 [input][lanes]. */
#ifndef TERN_ARM_SPMM_PACK_H
#define TERN_ARM_SPMM_PACK_H

#include "simd/arm/neon.h"
#include "simd/arm/spmm_passes.h"

#include <string.h>

// clang-format off
/* An entry of a list of passes, without the function that multiplies. */
#define TERN_LAID_OUT(lanes, least, panels) {lanes, least, NULL}
// clang-format on

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

TERN_INLINE void pack_rows(const struct tern_pass *passes, const int8_t *a, ptrdiff_t ld_a, int8_t *packed, int columns,
                           int m, int k4)
{
    const struct tern_pass *pass;
    for (int row = 0; row < m; row += pass->lanes) {
        pass = tern_pass_of(passes, m - row);
        const int rows = m - row < pass->lanes ? m - row : pass->lanes;
        pack_pass(packed + (ptrdiff_t)row * k4 * TERN_PANEL_K, a + row * ld_a, ld_a, rows, pass->lanes, columns, k4);
    }
}

#endif
