/* As gemm_s8's dotprod kernel, but for the weights: tbl makes values out of nibbles, in registers, for all rows of a
   tile; at a group's end its 32-bit sums meet their channels' multipliers. A tile's sums are sixteen of 32 registers. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/arm/neon.h"

enum { TILE_ROWS = 4, PIECES = 4, BLOCK = 4 /* k steps of one register of a row */ };

/* Of a row: four channels each. */
struct sums {
    int32x4_t c0, c4, c8, c12;
};

TERN_INLINE int8x16_t value_of(int8x16_t value, uint8x16_t code, int odd)
{
    return vqtbl1q_s8(value, tern_neon_nibble(code, odd));
}

/* sdot's lane is a constant: one function per k step of a block. */
#define STEP(lane)                                                                                                     \
    TERN_INLINE void step_##lane(struct sums *s, const int8x16_t *x, uint8x16x4_t code, int8x16_t value, int rows)     \
    {                                                                                                                  \
        const int8x16_t w0 = value_of(value, code.val[0], lane % 2), w1 = value_of(value, code.val[1], lane % 2);      \
        const int8x16_t w2 = value_of(value, code.val[2], lane % 2), w3 = value_of(value, code.val[3], lane % 2);      \
        TERN_UNROLL                                                                                                    \
        for (int i = 0; i < rows; i++) {                                                                               \
            s[i].c0 = vdotq_laneq_s32(s[i].c0, w0, x[i], lane);                                                        \
            s[i].c4 = vdotq_laneq_s32(s[i].c4, w1, x[i], lane);                                                        \
            s[i].c8 = vdotq_laneq_s32(s[i].c8, w2, x[i], lane);                                                        \
            s[i].c12 = vdotq_laneq_s32(s[i].c12, w3, x[i], lane);                                                      \
        }                                                                                                              \
    }
STEP(0) STEP(1) STEP(2) STEP(3)

/* Up to four k steps; the row's registers are 0 in those that are not there, and only the lines that are get read. */
TERN_INLINE void block(struct sums *s, const int8x16_t *x, const uint8_t *line, int8x16_t value, int steps, int rows)
{
    TERN_HOLD_LOADS();
    const uint8x16x4_t first = tern_neon_load_line(line);
    step_0(s, x, first, value, rows);
    step_1(s, x, first, value, rows);
    if (steps > 2) {
        TERN_HOLD_LOADS();
        const uint8x16x4_t second = tern_neon_load_line(line + TERN_LINE);
        step_2(s, x, second, value, rows);
        step_3(s, x, second, value, rows);
    }
}

TERN_INLINE int8x16_t load_some(const int8_t *a, int steps)
{
    int8_t some[BLOCK * TERN_PANEL_K] = {0};
    __builtin_memcpy(some, a, (size_t)(steps * TERN_PANEL_K));
    return vld1q_s8(some);
}

/* total += mul * sums */
TERN_INLINE struct sums settle(struct sums total, struct sums s, uint8x16_t mul)
{
    const uint16x8_t m0 = vmovl_u8(vget_low_u8(mul)), m8 = vmovl_u8(vget_high_u8(mul));
    total.c0 = vmlaq_s32(total.c0, s.c0, vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(m0))));
    total.c4 = vmlaq_s32(total.c4, s.c4, vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(m0))));
    total.c8 = vmlaq_s32(total.c8, s.c8, vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(m8))));
    total.c12 = vmlaq_s32(total.c12, s.c12, vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(m8))));
    return total;
}

TERN_INLINE void store(int32_t *c, struct sums s)
{
    const int32x4x4_t all = {{s.c0, s.c4, s.c8, s.c12}};
    vst1q_s32_x4(c, all);
}

TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int k4,
                      const int rows)
{
    const int per_group = w->mul ? w->group : k4;
    const struct sums zero = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    const int8x16_t value = vld1q_s8(w->book->value);
    const uint8_t *line = w->line, *mul = w->mul;
    struct sums total[TILE_ROWS] = {zero, zero, zero, zero};
    for (int at = 0; at < k4; at += per_group) {
        int steps = k4 - at < per_group ? k4 - at : per_group;
        struct sums s[TILE_ROWS] = {zero, zero, zero, zero};
        int8x16_t x[TILE_ROWS];
        for (; steps >= BLOCK; steps -= BLOCK, a += BLOCK * TERN_PANEL_K, line += BLOCK / 2 * TERN_LINE) {
            TERN_UNROLL
            for (int i = 0; i < rows; i++)
                x[i] = vld1q_s8(a + i * ld_a);
            block(s, x, line, value, BLOCK, rows);
        }
        if (steps) {
            TERN_UNROLL
            for (int i = 0; i < rows; i++)
                x[i] = load_some(a + i * ld_a, steps);
            block(s, x, line, value, steps, rows);
        }
        TERN_UNROLL
        for (int i = 0; i < rows; i++)
            total[i] = mul ? settle(total[i], s[i], vld1q_u8(mul)) : s[i];
        mul += mul ? TERN_PANEL : 0;
    }
    TERN_UNROLL
    for (int i = 0; i < rows; i++)
        store(c + i * ld_c, total[i]);
}

typedef void tile_fn(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int k4);

#define TILE(rows)                                                                                                     \
    static void tile_##rows(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,   \
                            int k4)                                                                                    \
    {                                                                                                                  \
        tile(a, ld_a, w, c, ld_c, k4, rows);                                                                           \
    }
TILE(1) TILE(2) TILE(3) TILE(4)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4};

/* Each panel is swept by all rows, in tiles of as equal heights as can be. */
void tern_gemm_s4_dotprod(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m,
                          int panels, int k4)
{
    const int blocks = (m + TILE_ROWS - 1) / TILE_ROWS, low = m / blocks, higher = m % blocks;
    for (int panel = 0; panel < panels; panel++, c += TERN_PANEL) {
        const struct tern_codes at = tern_codes_at(w, panel, k4);
        for (int block_of = 0, i = 0; block_of < blocks; block_of++) {
            const int rows = low + (block_of < higher);
            tiles[rows - 1](a + i * ld_a, ld_a, &at, c + i * ld_c, ld_c, k4);
            i += rows;
        }
    }
}
