/* Multiplies block-sparse weights with NEON, by the dense kernel's widening multiplies: 16 bytes of one side meet four
   broadcast bytes of the other, and two such products are added in 16 bits before they go, pairwise, into 32. So blocks
   are taken in twos. 16x4 and 4x4 keep the channels in the lanes and broadcast rows, which ld2r and ld4r do with the
   load; 1x4 keeps rows in the lanes and broadcasts weights; 4x1 interleaves the rows' inputs in pairs, which meet pairs
   of weights. Where four rows lack, half registers are multiplied. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/arm/mac2.h"
#include "simd/arm/spmm.h"

/* Sixteen bytes are a piece: four channels of a block, or four rows. */
enum { PIECE = 16, PIECES = 4, MOST_SUMS = TERN_NEON_REGS / 4 };

TERN_INLINE struct sums none(void)
{
    const struct sums s = {vdupq_n_s32(0), vdupq_n_s32(0)};
    return s;
}

/* Pinned, as gcc would put off the additions, and spill what waits for them. */
TERN_INLINE struct sums mac_pair(struct sums s, int8x16_t b0, int8x16_t b1, four_k a0, four_k a1)
{
    const struct two_groups a = {a0, a1};
    s = mac2(s, b0, b1, a);
    TERN_PIN_PAIR(s.low, s.high);
    return s;
}

/* Broadcasts 1, 2 or 4 words (`count`). */
TERN_INLINE void broadcast(four_k *x, const int8_t *a, int count)
{
    if (count == 4) {
        broadcast4(x, a);
    } else if (count == 2) {
        const struct two_groups g = broadcast2(a);
        x[0] = g.k0, x[1] = g.k1;
    } else {
        x[0] = broadcast1(a);
    }
}

#ifdef __aarch64__
/* Two inputs of eight rows, or of sixteen, side by side. */
TERN_INLINE void interleave(int8x16_t *x, struct strip *s, const int rows)
{
    const int8_t *a = s->x + next(s) * rows, *b = s->x + next(s) * rows;
    const int8x8_t zero = vdup_n_s8(0);
    const int8x16_t p = rows == 16 ? vld1q_s8(a) : vcombine_s8(vld1_s8(a), zero);
    const int8x16_t q = rows == 16 ? vld1q_s8(b) : vcombine_s8(vld1_s8(b), zero);
    x[0] = vzip1q_s8(p, q);
    if (rows == 16)
        x[1] = vzip2q_s8(p, q);
}
#else
TERN_INLINE void interleave(int8x16_t *x, struct strip *s, const int rows) /* eight */
{
    const int8_t *a = s->x + next(s) * rows, *b = s->x + next(s) * rows;
    const int8x8x2_t zip = vzip_s8(vld1_s8(a), vld1_s8(b));
    *x = vcombine_s8(zip.val[0], zip.val[1]);
}
#endif

/* ---- Channels in the lanes -------------------------------------------------------------------------------------- */

/* `pieces` of each block from `value` on, the next block coming `apart` bytes later, for rows that are all there are.
 */
TERN_INLINE void channels(struct strip *s, const int pieces, const int apart, const int rows)
{
    const int group = rows < 4 ? rows : 4, step = rows * TERN_PANEL_K;
    struct sums sum[MOST_SUMS];
    TERN_UNROLL
    for (int i = 0; i < pieces * rows; i++)
        sum[i] = none();
    int n = s->blocks;
    for (n -= 2; n >= 0; n -= 2) {
        const int8_t *at0 = next_step(s, step), *at1 = next_step(s, step);
        TERN_UNROLL
        for (int row = 0; row < rows; row += group) {
            four_k x0[4], x1[4];
            broadcast(x0, at0 + row * TERN_PANEL_K, group);
            broadcast(x1, at1 + row * TERN_PANEL_K, group);
            TERN_UNROLL
            for (int j = 0; j < pieces; j++) {
                if (j % 2 == 0)
                    TERN_KEEP_ORDER();
                const int8x16_t b0 = vld1q_s8(s->value + PIECE * j), b1 = vld1q_s8(s->value + apart + PIECE * j);
                TERN_UNROLL
                for (int i = 0; i < group; i++)
                    sum[j * rows + row + i] = mac_pair(sum[j * rows + row + i], b0, b1, x0[i], x1[i]);
            }
        }
        advance(s, 2 * apart);
    }
    if (n & 1) { /* of -2 or -1 */
        const int8_t *at = next_step(s, step);
        TERN_UNROLL
        for (int row = 0; row < rows; row += group) {
            four_k x[4];
            broadcast(x, at + row * TERN_PANEL_K, group);
            TERN_UNROLL
            for (int j = 0; j < pieces; j++)
                TERN_UNROLL
            for (int i = 0; i < group; i++)
                sum[j * rows + row + i] = mac1(sum[j * rows + row + i], vld1q_s8(s->value + PIECE * j), x[i]);
        }
        advance(s, apart);
    }
    TERN_UNROLL
    for (int i = 0; i < rows; i++)
        TERN_UNROLL
    for (int j = 0; j < pieces; j++)
        vst1q_s32(s->c + i * s->ld_c + 4 * j, vpaddq_s32(sum[j * rows + i].low, sum[j * rows + i].high));
}

/* A whole panel of 16x4, in halves where there are 16 registers. */
TERN_INLINE void wide(const struct strip *s, const int rows)
{
    const int pieces = TERN_NEON_REGS == 32 ? PIECES : PIECES / 2;
    for (int j = 0; j < PIECES; j += pieces) {
        struct strip part = *s;
        part.value += PIECE * j;
        part.c += 4 * j;
        channels(&part, pieces, TERN_LINE, rows);
    }
}

PANELS(wide_1, TERN_BLOCK_16X4, 0, wide(&s, 1))
PANELS(wide_2, TERN_BLOCK_16X4, 0, wide(&s, 2))
PANELS(block_1, TERN_BLOCK_4X4, 0, channels(&s, 1, PIECE, 1))
PANELS(block_2, TERN_BLOCK_4X4, 0, channels(&s, 1, PIECE, 2))
PANELS(block_4, TERN_BLOCK_4X4, 0, channels(&s, 1, PIECE, 4))
#ifdef __aarch64__
PANELS(block_8, TERN_BLOCK_4X4, 0, channels(&s, 1, PIECE, 8))
#endif

/* One row's four inputs of a block of 4x1. */
TERN_INLINE four_k column_inputs(struct strip *s)
{
    const uint32_t a = (uint8_t)s->x[next(s)], b = (uint8_t)s->x[next(s)];
    const uint32_t c = (uint8_t)s->x[next(s)], d = (uint8_t)s->x[next(s)];
    return broadcast_word((int32_t)(a | b << 8 | c << 16 | d << 24));
}

TERN_INLINE void column_one(struct strip *s)
{
    struct sums sum = none();
    int n = s->blocks;
    for (n -= 2; n >= 0; n -= 2, advance(s, 2 * PIECE)) {
        const four_k x0 = column_inputs(s), x1 = column_inputs(s);
        sum = mac_pair(sum, vld1q_s8(s->value), vld1q_s8(s->value + PIECE), x0, x1);
    }
    if (n & 1) { /* of -2 or -1 */
        sum = mac1(sum, vld1q_s8(s->value), column_inputs(s));
        advance(s, PIECE);
    }
    vst1q_s32(s->c, vpaddq_s32(sum.low, sum.high));
}
PANELS(column_1, TERN_BLOCK_4X1, 0, column_one(&s))

/* ---- Rows in the lanes ------------------------------------------------------------------------------------------ */

/* The next two blocks of 1x4 times their broadcast weights. */
TERN_INLINE void mac_rows(struct sums *sum, struct strip *s, four_k w0, four_k w1, const int rows)
{
    const int8_t *x0 = next_step(s, rows * TERN_PANEL_K), *x1 = next_step(s, rows * TERN_PANEL_K);
    TERN_KEEP_ORDER();
    TERN_UNROLL
    for (int i = 0; i < rows / 4; i++)
        sum[i] = mac_pair(sum[i], vld1q_s8(x0 + PIECE * i), vld1q_s8(x1 + PIECE * i), w0, w1);
}

TERN_INLINE void one(struct strip *s, const int rows)
{
    struct sums sum[4];
    TERN_UNROLL
    for (int i = 0; i < rows / 4; i++)
        sum[i] = none();
    int n = s->blocks;
    for (n -= 4; n >= 0; n -= 4) {
        four_k w[4];
        broadcast4(w, s->value);
        advance(s, 4 * TERN_PANEL_K);
        mac_rows(sum, s, w[0], w[1], rows);
        mac_rows(sum, s, w[2], w[3], rows);
    }
    if (n & 2) {
        const struct two_groups w = broadcast2(s->value);
        advance(s, 2 * TERN_PANEL_K);
        mac_rows(sum, s, w.k0, w.k1, rows);
    }
    if (n & 1) {
        const four_k w = broadcast1(s->value);
        const int8_t *x = next_step(s, rows * TERN_PANEL_K);
        advance(s, TERN_PANEL_K);
        TERN_UNROLL
        for (int i = 0; i < rows / 4; i++)
            sum[i] = mac1(sum[i], vld1q_s8(x + PIECE * i), w);
    }
    TERN_UNROLL
    for (int i = 0; i < rows / 4; i++)
        vst1q_s32(s->c + i * 4 * TERN_PANEL, vpaddq_s32(sum[i].low, sum[i].high));
}

/* Two rows are half a register: [row][4]. */
TERN_INLINE void one_by_two(struct strip *s)
{
    int32x4_t sum = vdupq_n_s32(0);
    int n = s->blocks;
    for (n -= 4; n >= 0; n -= 4) {
        four_k w[4];
        broadcast4(w, s->value);
        advance(s, 4 * TERN_PANEL_K);
        const int8x8_t x0 = vld1_s8(s->x + 8 * next(s)), x1 = vld1_s8(s->x + 8 * next(s));
        sum = vpadalq_s16(sum, vmlal_s8(vmull_s8(x0, low_half(w[0])), x1, low_half(w[1])));
        const int8x8_t x2 = vld1_s8(s->x + 8 * next(s)), x3 = vld1_s8(s->x + 8 * next(s));
        sum = vpadalq_s16(sum, vmlal_s8(vmull_s8(x2, low_half(w[2])), x3, low_half(w[3])));
    }
    for (n &= 3; n; n--) {
        sum = vpadalq_s16(sum, vmull_s8(vld1_s8(s->x + 8 * next(s)), low_half(broadcast1(s->value))));
        advance(s, TERN_PANEL_K);
    }
    const int32x2_t two = vpadd_s32(vget_low_s32(sum), vget_high_s32(sum));
    vst1_lane_s32(s->c, two, 0);
    vst1_lane_s32(s->c + s->ld_c, two, 1);
}

/* One row: two blocks side by side. */
TERN_INLINE int8x8_t two_steps(struct strip *s)
{
    const int32x2_t first = vreinterpret_s32_s8(load_word(s->x + 4 * next(s)));
    return vreinterpret_s8_s32(vld1_lane_s32((const int32_t *)(const void *)next_step(s, 4), first, 1));
}

TERN_INLINE void one_by_one(struct strip *s)
{
    int32x4_t sum = vdupq_n_s32(0);
    int n = s->blocks;
    for (n -= 4; n >= 0; n -= 4) {
        const int8x8_t x0 = two_steps(s), x1 = two_steps(s);
        sum = vpadalq_s16(sum, vmlal_s8(vmull_s8(x0, vld1_s8(s->value)), x1, vld1_s8(s->value + 8)));
        advance(s, 4 * TERN_PANEL_K);
    }
    for (n &= 3; n; n--) {
        sum = vpadalq_s16(sum, vmull_s8(load_word(s->x + 4 * next(s)), load_word(s->value)));
        advance(s, TERN_PANEL_K);
    }
    *s->c = vaddvq_s32(sum);
}

PANELS(one_1, TERN_BLOCK_1X4, 0, one_by_one(&s))
PANELS(one_2, TERN_BLOCK_1X4, 0, one_by_two(&s))
PANELS(one_4, TERN_BLOCK_1X4, 1, one(&s, 4))
PANELS(one_8, TERN_BLOCK_1X4, 1, one(&s, 8))
#ifdef __aarch64__
PANELS(one_16, TERN_BLOCK_1X4, 1, one(&s, 16))
#endif

TERN_INLINE void column_by_four(struct strip *s)
{
    struct sums sum[4] = {none(), none(), none(), none()};
    int n = s->blocks;
    four_k w0[4], w1[4];
    for (n -= 2; n >= 0; n -= 2) {
        const int8x16_t x0 = four_inputs(s), x1 = four_inputs(s);
        broadcast4(w0, s->value);
        advance(s, PIECE);
        broadcast4(w1, s->value);
        advance(s, PIECE);
        TERN_UNROLL
        for (int o = 0; o < 4; o++)
            sum[o] = mac_pair(sum[o], x0, x1, w0[o], w1[o]);
    }
    if (n & 1) { /* of -2 or -1 */
        const int8x16_t x = four_inputs(s);
        broadcast4(w0, s->value);
        advance(s, PIECE);
        TERN_UNROLL
        for (int o = 0; o < 4; o++)
            sum[o] = mac1(sum[o], x, w0[o]);
    }
    TERN_UNROLL
    for (int o = 0; o < 4; o++)
        vst1q_s32(s->c + 4 * o, vpaddq_s32(sum[o].low, sum[o].high));
}

/* Eights of rows: two inputs of a row lie together, and so do their weights. A lane of 32 bits is a row. */
TERN_INLINE void column(struct strip *s, const int rows)
{
    struct sums sum[8]; /* [output][eight] */
    const int eights = rows / 8;
    TERN_UNROLL
    for (int i = 0; i < 4 * eights; i++)
        sum[i] = none();
    for (int n = s->blocks; n; n--) {
        int8x16_t x0[2], x1[2];
        interleave(x0, s, rows);
        interleave(x1, s, rows);
        TERN_UNROLL
        for (int o = 0; o < 4; o++) {
            const struct two_groups w = broadcast_pairs(s->value);
            advance(s, TERN_PANEL_K);
            TERN_UNROLL
            for (int i = 0; i < eights; i++)
                sum[o * eights + i] = mac_pair(sum[o * eights + i], x0[i], x1[i], w.k0, w.k1);
        }
    }
    TERN_UNROLL
    for (int o = 0; o < 4; o++)
        TERN_UNROLL
    for (int i = 0; i < eights; i++) {
        vst1q_s32(s->c + 4 * o + 2 * i * 4 * TERN_PANEL, sum[o * eights + i].low);
        vst1q_s32(s->c + 4 * o + (2 * i + 1) * 4 * TERN_PANEL, sum[o * eights + i].high);
    }
}

PANELS(column_4, TERN_BLOCK_4X1, 1, column_by_four(&s))
PANELS(column_8, TERN_BLOCK_4X1, 1, column(&s, 8))
#ifdef __aarch64__
PANELS(column_16, TERN_BLOCK_4X1, 1, column(&s, 16))
#endif

// clang-format off
#define MULTIPLIED(lanes, least, panels) {lanes, least, panels}
static const struct tern_pass passes[TERN_N_BLOCK_SHAPES][TERN_MOST_PASSES] = TERN_PASSES_NEON(MULTIPLIED);
// clang-format on

void tern_spmm_neon(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                    int k4)
{
    spmm(passes[w->shape], packed, w, c, ld_c, m, panels, k4);
}
