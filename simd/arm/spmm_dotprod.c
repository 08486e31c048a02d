/* Multiplies block-sparse weights with sdot by element. 16x4 and 4x4 keep the channels in the lanes: pieces of weights
   as the file has them meet each lane of a register that holds four rows' inputs of a k step. So does 4x1, whose rows'
   inputs are first zipped together. 1x4 keeps rows in the lanes, which meet each lane of four blocks' weights; its sums
   are transposed at the end. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/arm/spmm.h"

enum { PIECE = 16, PIECES = 4, QUAD = 4 /* rows of a register */, MOST_QUADS = 4, STEP = QUAD * TERN_PANEL_K };

/* ---- Channels in the lanes -------------------------------------------------------------------------------------- */

/* Four channels times up to four rows. */
TERN_INLINE void mac_quad(int32x4_t *sum, int8x16_t w, int8x16_t x, const int rows)
{
    sum[0] = vdotq_laneq_s32(sum[0], w, x, 0);
    if (rows > 1)
        sum[1] = vdotq_laneq_s32(sum[1], w, x, 1);
    if (rows > 2)
        sum[2] = vdotq_laneq_s32(sum[2], w, x, 2);
    if (rows > 3)
        sum[3] = vdotq_laneq_s32(sum[3], w, x, 3);
}

TERN_INLINE int8x16_t load_two(const int8_t *a)
{
    return vcombine_s8(vld1_s8(a), vdup_n_s8(0));
}

/* The next k step of the pass's rows. */
TERN_INLINE void step_inputs(int8x16_t *x, struct strip *s, const int lanes)
{
    if (lanes == 1) {
        *x = load_word_wide(s->x + next(s) * TERN_PANEL_K);
    } else if (lanes == 2) {
        *x = load_two(s->x + next(s) * 2 * TERN_PANEL_K);
    } else if (lanes == QUAD) {
        *x = vld1q_s8(s->x + next(s) * STEP);
    } else {
        const int8_t *at = next_step(s, lanes * TERN_PANEL_K);
        TERN_UNROLL
        for (int i = 0; i < lanes / QUAD; i++)
            x[i] = vld1q_s8(at + PIECE * i);
    }
}

TERN_INLINE void zip_sixteen(int8x16_t *x, struct strip *s)
{
    const int8x16_t a = vld1q_s8(s->x + next(s) * 16), b = vld1q_s8(s->x + next(s) * 16);
    const int8x16_t c = vld1q_s8(s->x + next(s) * 16), d = vld1q_s8(s->x + next(s) * 16);
    const int16x8_t ab = vreinterpretq_s16_s8(vzip1q_s8(a, b)), ab2 = vreinterpretq_s16_s8(vzip2q_s8(a, b));
    const int16x8_t cd = vreinterpretq_s16_s8(vzip1q_s8(c, d)), cd2 = vreinterpretq_s16_s8(vzip2q_s8(c, d));
    x[0] = vreinterpretq_s8_s16(vzip1q_s16(ab, cd)), x[1] = vreinterpretq_s8_s16(vzip2q_s16(ab, cd));
    x[2] = vreinterpretq_s8_s16(vzip1q_s16(ab2, cd2)), x[3] = vreinterpretq_s8_s16(vzip2q_s16(ab2, cd2));
}

/* The next four inputs of the pass's rows, [row][4]. */
TERN_INLINE void column_inputs(int8x16_t *x, struct strip *s, const int lanes)
{
    if (lanes == 1) {
        const uint32_t a = (uint8_t)s->x[next(s)], b = (uint8_t)s->x[next(s)];
        const uint32_t c = (uint8_t)s->x[next(s)], d = (uint8_t)s->x[next(s)];
        *x = vreinterpretq_s8_u32(vdupq_n_u32(a | b << 8 | c << 16 | d << 24));
    } else if (lanes == QUAD) {
        *x = four_inputs(s);
    } else {
        zip_sixteen(x, s);
    }
}

TERN_INLINE void mac_block(int32x4_t *sum, struct strip *s, int8x16_t w, const int columns, const int lanes,
                           const int rows)
{
    int8x16_t x[MOST_QUADS];
    if (columns)
        column_inputs(x, s, lanes);
    else
        step_inputs(x, s, lanes);
    TERN_UNROLL
    for (int i = 0; i < rows; i += QUAD)
        mac_quad(sum + i, w, x[i / QUAD], rows - i);
}

/* Strips of four channels. */
TERN_INLINE void four(struct strip *s, const int columns, const int lanes, const int rows)
{
    int32x4_t sum[QUAD * MOST_QUADS];
    TERN_UNROLL
    for (int i = 0; i < rows; i++)
        sum[i] = vdupq_n_s32(0);
    int n = s->blocks;
    for (n -= 4; n >= 0; n -= 4) {
        TERN_UNROLL
        for (int b = 0; b < 4; b++)
            mac_block(sum, s, vld1q_s8(s->value + PIECE * b), columns, lanes, rows);
        advance(s, 4 * PIECE);
    }
    for (n &= 3; n; n--) {
        mac_block(sum, s, vld1q_s8(s->value), columns, lanes, rows);
        advance(s, PIECE);
    }
    TERN_UNROLL
    for (int i = 0; i < rows; i++)
        vst1q_s32(s->c + i * s->ld_c, sum[i]);
}

TERN_INLINE void wide_block(int32x4_t *sum, struct strip *s, const int lanes, const int rows)
{
    int8x16_t x[1];
    step_inputs(x, s, lanes);
    const int8x16x4_t w = vld1q_s8_x4(s->value);
    advance(s, TERN_LINE);
    TERN_UNROLL
    for (int j = 0; j < PIECES; j++)
        mac_quad(sum + QUAD * j, w.val[j], x[0], rows);
}

TERN_INLINE void wide(struct strip *s, const int lanes, const int rows)
{
    int32x4_t sum[PIECES * QUAD];
    TERN_UNROLL
    for (int i = 0; i < PIECES * QUAD; i++)
        sum[i] = vdupq_n_s32(0);
    int n = s->blocks;
    for (n -= 4; rows < 3 && n >= 0; n -= 4) {
        wide_block(sum, s, lanes, rows);
        wide_block(sum, s, lanes, rows);
        wide_block(sum, s, lanes, rows);
        wide_block(sum, s, lanes, rows);
    }
    for (n += 4; n; n--)
        wide_block(sum, s, lanes, rows);
    TERN_UNROLL
    for (int i = 0; i < rows; i++)
        TERN_UNROLL
    for (int j = 0; j < PIECES; j++)
        vst1q_s32(s->c + i * s->ld_c + 4 * j, sum[QUAD * j + i]);
}

PANELS(wide_1, TERN_BLOCK_16X4, 0, wide(&s, 1, 1))
PANELS(wide_2, TERN_BLOCK_16X4, 0, wide(&s, 2, 2))
PANELS(wide_3, TERN_BLOCK_16X4, 0, wide(&s, QUAD, 3))
PANELS(wide_4, TERN_BLOCK_16X4, 0, wide(&s, QUAD, 4))
PANELS(block_1, TERN_BLOCK_4X4, 0, four(&s, 0, 1, 1))
PANELS(block_2, TERN_BLOCK_4X4, 0, four(&s, 0, 2, 2))
PANELS(block_3, TERN_BLOCK_4X4, 0, four(&s, 0, QUAD, 3))
PANELS(block_4, TERN_BLOCK_4X4, 0, four(&s, 0, QUAD, 4))
PANELS(block_8, TERN_BLOCK_4X4, 0, four(&s, 0, 8, 8))
PANELS(block_16, TERN_BLOCK_4X4, 0, four(&s, 0, 16, 16))
PANELS(column_1, TERN_BLOCK_4X1, 0, four(&s, 1, 1, 1))
PANELS(column_2, TERN_BLOCK_4X1, 0, four(&s, 1, QUAD, 2))
PANELS(column_3, TERN_BLOCK_4X1, 0, four(&s, 1, QUAD, 3))
PANELS(column_4, TERN_BLOCK_4X1, 0, four(&s, 1, QUAD, 4))
PANELS(column_16, TERN_BLOCK_4X1, 0, four(&s, 1, 16, 16))

/* ---- Rows in the lanes ------------------------------------------------------------------------------------------ */

/* The next block of 1x4, whose weights are lane b of w. */
#define MAC_ROWS(b)                                                                                                    \
    do {                                                                                                               \
        int8x16_t x[2 * MOST_QUADS];                                                                                   \
        step_inputs(x, s, lanes);                                                                                      \
        TERN_UNROLL                                                                                                    \
        for (int i = 0; i < quads; i++)                                                                                \
            sum[i] = vdotq_laneq_s32(sum[i], x[i], w, b);                                                              \
    } while (0)

TERN_INLINE void one(struct strip *s, const int lanes)
{
    const int quads = lanes < QUAD ? 1 : lanes / QUAD;
    int32x4_t sum[2 * MOST_QUADS];
    TERN_UNROLL
    for (int i = 0; i < quads; i++)
        sum[i] = vdupq_n_s32(0);
    int n = s->blocks;
    for (n -= 4; n >= 0; n -= 4) {
        const int8x16_t w = vld1q_s8(s->value);
        advance(s, 4 * TERN_PANEL_K);
        MAC_ROWS(0);
        MAC_ROWS(1);
        MAC_ROWS(2);
        MAC_ROWS(3);
    }
    for (n &= 3; n; n--) {
        const int8x16_t w = load_word_wide(s->value);
        advance(s, TERN_PANEL_K);
        MAC_ROWS(0);
    }
    if (lanes < QUAD) {
        vst1q_lane_s32(s->c, sum[0], 0);
        if (lanes == 2)
            vst1q_lane_s32(s->c + s->ld_c, sum[0], 1);
    } else {
        TERN_UNROLL
        for (int i = 0; i < quads; i++)
            vst1q_s32(s->c + i * QUAD * TERN_PANEL, sum[i]);
    }
}

PANELS(one_1, TERN_BLOCK_1X4, 0, one(&s, 1))
PANELS(one_2, TERN_BLOCK_1X4, 0, one(&s, 2))
PANELS(one_4, TERN_BLOCK_1X4, 1, one(&s, 4))
PANELS(one_8, TERN_BLOCK_1X4, 1, one(&s, 8))
PANELS(one_16, TERN_BLOCK_1X4, 1, one(&s, 16))
PANELS(one_32, TERN_BLOCK_1X4, 1, one(&s, 32))

// clang-format off
#define MULTIPLIED(lanes, least, panels) {lanes, least, panels}
static const struct tern_pass passes[TERN_N_BLOCK_SHAPES][TERN_MOST_PASSES] = TERN_PASSES_DOTPROD(MULTIPLIED);
// clang-format on

void tern_spmm_dotprod(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4)
{
    spmm(passes[w->shape], packed, w, c, ld_c, m, panels, k4);
}
