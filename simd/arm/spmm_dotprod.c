/* Block-sparse times int8 rows with sdot by element. Rows are laid out as [k step][row][4], so that a register holds
   four rows' inputs of a k step. Blocks of 16x4 keep the channels in the lanes: four pieces of weights as the file has
   them meet each lane of the rows' register, 16 sdot for 5 loads. The others keep rows in the lanes and meet each lane
   of the weights' register; 4x1 zips four inputs of [input][row] first. Sums with rows in the lanes are transposed at
   the end. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/arm/neon.h"

#include <string.h>

enum { LANES = 4, PASS = 16 /* rows of a pass over a narrow strip */ };

/* ---- How rows are laid out ------------------------------------------------------------------------------------- */

/* The transpose of 4 x 4 lanes of 32 bits. */
static inline int32x4x4_t transposed(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d)
{
    const int32x4x2_t ab = vtrnq_s32(a, b), cd = vtrnq_s32(c, d);
    const int32x4x4_t t = {{vcombine_s32(vget_low_s32(ab.val[0]), vget_low_s32(cd.val[0])),
                            vcombine_s32(vget_low_s32(ab.val[1]), vget_low_s32(cd.val[1])),
                            vcombine_s32(vget_high_s32(ab.val[0]), vget_high_s32(cd.val[0])),
                            vcombine_s32(vget_high_s32(ab.val[1]), vget_high_s32(cd.val[1]))}};
    return t;
}

/* Four k steps of four rows, `to` being the first row's place in the first step. */
static inline void pack_four(int8_t *to, ptrdiff_t rows, const int8_t *a, ptrdiff_t ld_a)
{
    const int32x4x4_t t =
        transposed(vreinterpretq_s32_s8(vld1q_s8(a)), vreinterpretq_s32_s8(vld1q_s8(a + ld_a)),
                   vreinterpretq_s32_s8(vld1q_s8(a + 2 * ld_a)), vreinterpretq_s32_s8(vld1q_s8(a + 3 * ld_a)));
    for (int j = 0; j < 4; j++)
        vst1q_s8(to + j * rows * TERN_PANEL_K, vreinterpretq_s8_s32(t.val[j]));
}

static void pack_step(int8_t *packed, const int8_t *a, int columns, ptrdiff_t rows, int i, ptrdiff_t step)
{
    if (columns)
        for (int j = 0; j < TERN_PANEL_K; j++)
            packed[(step * TERN_PANEL_K + j) * rows + i] = a[step * TERN_PANEL_K + j];
    else
        memcpy(packed + (step * rows + i) * TERN_PANEL_K, a + step * TERN_PANEL_K, TERN_PANEL_K);
}

/* Rows that lack are 0, so that whole registers can be multiplied. */
static void pack(int8_t *packed, const int8_t *a, ptrdiff_t ld_a, int columns, ptrdiff_t rows, int m, int k4)
{
    if (m < rows)
        memset(packed, 0, (size_t)rows * (size_t)k4 * TERN_PANEL_K);
    int i = 0;
    for (; !columns && i + 4 <= m; i += 4, a += 4 * ld_a) {
        ptrdiff_t step = 0;
        for (; step + 4 <= k4; step += 4)
            pack_four(packed + (step * rows + i) * TERN_PANEL_K, rows, a + step * TERN_PANEL_K, ld_a);
        for (; step < k4; step++)
            for (int j = 0; j < 4; j++)
                pack_step(packed, a + j * ld_a, 0, rows, i + j, step);
    }
    for (; i < m; i++, a += ld_a)
        for (ptrdiff_t step = 0; step < k4; step++)
            pack_step(packed, a, columns, rows, i, step);
}

/* ---- 16x4: channels in the lanes ------------------------------------------------------------------------------- */

struct tile {
    const int8_t *x; /* first row of the tile in k step 0 */
    ptrdiff_t step;  /* bytes between k steps */
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *c;
    ptrdiff_t ld_c;
};

#define ALL_ROWS(do)                                                                                                   \
    do                                                                                                                 \
    (0) do(1) do(2) do(3)
#define START(i) int32x4_t s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;
#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        s##i##_0 = vdotq_laneq_s32(s##i##_0, w.val[0], x, i);                                                          \
        s##i##_1 = vdotq_laneq_s32(s##i##_1, w.val[1], x, i);                                                          \
        s##i##_2 = vdotq_laneq_s32(s##i##_2, w.val[2], x, i);                                                          \
        s##i##_3 = vdotq_laneq_s32(s##i##_3, w.val[3], x, i);                                                          \
    }
#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        int32_t *c = t->c + i * t->ld_c;                                                                               \
        vst1q_s32(c, s##i##_0);                                                                                        \
        vst1q_s32(c + 4, s##i##_1);                                                                                    \
        vst1q_s32(c + 8, s##i##_2);                                                                                    \
        vst1q_s32(c + 12, s##i##_3);                                                                                   \
    }

static inline __attribute__((always_inline)) void tile(const struct tile *t, const int rows)
{
    const int32x4_t zero = vdupq_n_s32(0);
    ALL_ROWS(START)
    const int8_t *value = t->value;
    for (const uint16_t *index = t->index, *end = index + t->blocks; index < end; index++, value += TERN_LINE) {
        const int8x16_t x = vld1q_s8(t->x + *index * t->step);
        const int8x16x4_t w = vld1q_s8_x4(value);
        ALL_ROWS(MULTIPLY)
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const struct tile *t);
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const struct tile *t)                                                                      \
    {                                                                                                                  \
        tile(t, rows);                                                                                                 \
    }
TILE(1) TILE(2) TILE(3) TILE(4) static tile_fn *const tiles[LANES] = {tile_1, tile_2, tile_3, tile_4};

static void wide_panel(const struct tern_sparse_panel *p, const int8_t *packed, ptrdiff_t rows, int m, int32_t *c,
                       ptrdiff_t ld_c)
{
    for (int i = 0; i < m; i += LANES) {
        const struct tile t = {
            packed + i * TERN_PANEL_K, rows * TERN_PANEL_K, p->value, p->index, *p->count, c + i * ld_c, ld_c};
        tiles[(m - i < LANES ? m - i : LANES) - 1](&t);
    }
}

/* ---- Narrow blocks: rows in the lanes -------------------------------------------------------------------------- */

/* The blocks of a strip for one pass's rows. */
struct strip {
    const int8_t *x;
    ptrdiff_t rows;
    const int8_t *value;
    const uint16_t *index;
    int blocks;
    int32_t *out; /* [outputs][PASS] */
};

static inline int8x16x4_t step_inputs(const struct strip *s, const uint16_t *index)
{
    return vld1q_s8_x4(s->x + *index * s->rows * TERN_PANEL_K);
}

static inline int8x16x4_t column_inputs(const struct strip *s, const uint16_t *index)
{
    const int8x16_t a = vld1q_s8(s->x + index[0] * s->rows), b = vld1q_s8(s->x + index[1] * s->rows);
    const int8x16_t c = vld1q_s8(s->x + index[2] * s->rows), d = vld1q_s8(s->x + index[3] * s->rows);
    const int16x8_t ab = vreinterpretq_s16_s8(vzip1q_s8(a, b)), ab2 = vreinterpretq_s16_s8(vzip2q_s8(a, b));
    const int16x8_t cd = vreinterpretq_s16_s8(vzip1q_s8(c, d)), cd2 = vreinterpretq_s16_s8(vzip2q_s8(c, d));
    const int8x16x4_t x = {{vreinterpretq_s8_s16(vzip1q_s16(ab, cd)), vreinterpretq_s8_s16(vzip2q_s16(ab, cd)),
                            vreinterpretq_s8_s16(vzip1q_s16(ab2, cd2)), vreinterpretq_s8_s16(vzip2q_s16(ab2, cd2))}};
    return x;
}

#define ADD_ROWS(s, x, w, lane)                                                                                        \
    s##_0 = vdotq_laneq_s32(s##_0, x.val[0], w, lane);                                                                 \
    s##_1 = vdotq_laneq_s32(s##_1, x.val[1], w, lane);                                                                 \
    s##_2 = vdotq_laneq_s32(s##_2, x.val[2], w, lane);                                                                 \
    s##_3 = vdotq_laneq_s32(s##_3, x.val[3], w, lane);
#define STORE_ROWS(s, at)                                                                                              \
    vst1q_s32(at, s##_0);                                                                                              \
    vst1q_s32((at) + 4, s##_1);                                                                                        \
    vst1q_s32((at) + 8, s##_2);                                                                                        \
    vst1q_s32((at) + 12, s##_3);

static void one_strip(const struct strip *s)
{
    int32x4_t s0_0 = vdupq_n_s32(0), s0_1 = s0_0, s0_2 = s0_0, s0_3 = s0_0;
    int32x4_t s1_0 = s0_0, s1_1 = s0_0, s1_2 = s0_0, s1_3 = s0_0;
    int b = 0;
    for (; b + 4 <= s->blocks; b += 4) { /* four blocks' weights are one register */
        const int8x16_t w = vld1q_s8(s->value + b * TERN_PANEL_K);
        const int8x16x4_t x0 = step_inputs(s, s->index + b), x1 = step_inputs(s, s->index + b + 1);
        ADD_ROWS(s0, x0, w, 0)
        ADD_ROWS(s1, x1, w, 1)
        const int8x16x4_t x2 = step_inputs(s, s->index + b + 2), x3 = step_inputs(s, s->index + b + 3);
        ADD_ROWS(s0, x2, w, 2)
        ADD_ROWS(s1, x3, w, 3)
    }
    for (; b < s->blocks; b++) {
        int32_t bytes;
        memcpy(&bytes, s->value + b * TERN_PANEL_K, sizeof bytes);
        const int8x16_t w = vreinterpretq_s8_s32(vdupq_n_s32(bytes));
        const int8x16x4_t x = step_inputs(s, s->index + b);
        ADD_ROWS(s0, x, w, 0)
    }
    vst1q_s32(s->out, vaddq_s32(s0_0, s1_0));
    vst1q_s32(s->out + 4, vaddq_s32(s0_1, s1_1));
    vst1q_s32(s->out + 8, vaddq_s32(s0_2, s1_2));
    vst1q_s32(s->out + 12, vaddq_s32(s0_3, s1_3));
}

static inline __attribute__((always_inline)) void four_strip(const struct strip *s, const int columns)
{
    int32x4_t s0_0 = vdupq_n_s32(0), s0_1 = s0_0, s0_2 = s0_0, s0_3 = s0_0;
    int32x4_t s1_0 = s0_0, s1_1 = s0_0, s1_2 = s0_0, s1_3 = s0_0;
    int32x4_t s2_0 = s0_0, s2_1 = s0_0, s2_2 = s0_0, s2_3 = s0_0;
    int32x4_t s3_0 = s0_0, s3_1 = s0_0, s3_2 = s0_0, s3_3 = s0_0;
    for (int b = 0; b < s->blocks; b++) {
        const int8x16_t w = vld1q_s8(s->value + b * 16);
        const int8x16x4_t x = columns ? column_inputs(s, s->index + 4 * b) : step_inputs(s, s->index + b);
        ADD_ROWS(s0, x, w, 0)
        ADD_ROWS(s1, x, w, 1)
        ADD_ROWS(s2, x, w, 2)
        ADD_ROWS(s3, x, w, 3)
    }
    STORE_ROWS(s0, s->out)
    STORE_ROWS(s1, s->out + PASS)
    STORE_ROWS(s2, s->out + 2 * PASS)
    STORE_ROWS(s3, s->out + 3 * PASS)
}

static void block_strip(const struct strip *s)
{
    four_strip(s, 0);
}
static void column_strip(const struct strip *s)
{
    four_strip(s, 1);
}

/* sums[16 outputs][PASS] to c[m][16]. */
static void store_transposed(const int32_t *sums, int m, int32_t *c, ptrdiff_t ld_c)
{
    for (int row = 0; row < m; row += LANES)
        for (int j = 0; j < TERN_PANEL; j += 4) {
            const int32_t *at = sums + j * PASS + row;
            const int32x4x4_t t =
                transposed(vld1q_s32(at), vld1q_s32(at + PASS), vld1q_s32(at + 2 * PASS), vld1q_s32(at + 3 * PASS));
            for (int i = 0; i < LANES && row + i < m; i++)
                vst1q_s32(c + (row + i) * ld_c + j, t.val[i]);
        }
}

static void narrow_panel(const struct tern_sparse_panel *p, enum tern_block_shape shape, const int8_t *packed,
                         ptrdiff_t rows, int m, int32_t *c, ptrdiff_t ld_c)
{
    int32_t sums[TERN_PANEL * PASS];
    const int outputs = tern_block_outputs(shape), columns = shape == TERN_BLOCK_4X1;
    for (int row = 0; row < m; row += PASS) {
        struct strip s = {packed + row * (columns ? 1 : TERN_PANEL_K), rows, p->value, p->index, 0, sums};
        for (int i = 0; i < tern_block_strips(shape); i++) {
            s.blocks = p->count[i];
            (columns ? column_strip : shape == TERN_BLOCK_4X4 ? block_strip : one_strip)(&s);
            s.value += s.blocks * outputs * TERN_PANEL_K;
            s.index += s.blocks * tern_block_indices(shape);
            s.out += outputs * PASS;
        }
        store_transposed(sums, m - row < PASS ? m - row : PASS, c + row * ld_c, ld_c);
    }
}

void tern_spmm_dotprod(const int8_t *a, ptrdiff_t ld_a, void *packed, const struct tern_sparse *w, int32_t *c,
                       ptrdiff_t ld_c, int m, int panels, int k4)
{
    const int wide = w->shape == TERN_BLOCK_16X4;
    const ptrdiff_t rows = tern_round_up(m, wide ? LANES : PASS);
    if (a)
        pack(packed, a, ld_a, w->shape == TERN_BLOCK_4X1, rows, m, k4);
    for (int i = 0; i < panels; i++, c += TERN_PANEL) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        if (wide)
            wide_panel(&p, packed, rows, m, c, ld_c);
        else
            narrow_panel(&p, w->shape, packed, rows, m, c, ld_c);
    }
}
