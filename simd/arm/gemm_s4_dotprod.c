/* Multiplies 4-bit weights with sdot, as gemm_s8_dotprod.c does int8. tbl makes values out of nibbles, in registers,
   for all rows of a tile; at a group's end its 32-bit sums meet their channels' multipliers. Sixteen of 32 registers
   hold a tile's sums. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/arm/neon.h"

enum { TILE_ROWS = 4, PIECES = 4, BLOCK = 4 /* k steps of one register of a row */ };

/* A line is two k steps: the lanes 2 * `second` and 2 * `second` + 1 of the rows' registers. Many rows piece by
   piece: gcc would keep more values than registers are left. */
TERN_INLINE void mac_line(int32x4_t *s, const int8x16_t *x, const uint8_t *line, int8x16_t value, int second, int rows)
{
    TERN_UNROLL
    for (int j = 0; j < PIECES; j++) {
        if (j == 0 || rows > 2)
            TERN_KEEP_ORDER();
        const uint8x16_t code = vld1q_u8(line + 16 * j);
        const int8x16_t even = vqtbl1q_s8(value, tern_neon_nibble(code, 0));
        const int8x16_t odd = vqtbl1q_s8(value, tern_neon_nibble(code, 1));
        TERN_UNROLL
        for (int i = 0; i < rows; i++) {
            int32x4_t *const sum = &s[i * PIECES + j];
            *sum = second ? vdotq_laneq_s32(*sum, even, x[i], 2) : vdotq_laneq_s32(*sum, even, x[i], 0);
            *sum = second ? vdotq_laneq_s32(*sum, odd, x[i], 3) : vdotq_laneq_s32(*sum, odd, x[i], 1);
        }
    }
}

/* One to three k steps; no call of memcpy, across which no register would last. */
TERN_INLINE int8x16_t load_some(const int8_t *a, int steps)
{
    int32_t k[BLOCK - 1] = {0};
    TERN_UNROLL
    for (int i = 0; i < BLOCK - 1; i++)
        if (i < steps)
            __builtin_memcpy(&k[i], a + i * TERN_PANEL_K, sizeof k[i]);
    const int32x4_t x = {k[0], k[1], k[2], 0};
    return vreinterpretq_s8_s32(x);
}

/* total += mul * sums */
TERN_INLINE void settle(int32x4_t *total, const int32x4_t *s, uint8x16_t mul, int rows)
{
    const uint16x8_t wide[2] = {vmovl_u8(vget_low_u8(mul)), vmovl_u8(vget_high_u8(mul))};
    TERN_UNROLL
    for (int j = 0; j < PIECES; j++) {
        const uint16x4_t four = j % 2 ? vget_high_u16(wide[j / 2]) : vget_low_u16(wide[j / 2]);
        const int32x4_t m = vreinterpretq_s32_u32(vmovl_u16(four));
        TERN_UNROLL
        for (int i = j; i < rows * PIECES; i += PIECES)
            total[i] = vmlaq_s32(total[i], s[i], m);
    }
}

TERN_INLINE void store(int32_t *c, ptrdiff_t ld_c, const int32x4_t *s, int rows)
{
    TERN_UNROLL
    for (int i = 0; i < rows * PIECES; i++)
        vst1q_s32(c + i / PIECES * ld_c + i % PIECES * 4, s[i]);
}

/* k steps that share a multiplier. The rows' registers are 0 in steps that are not there, and no line is read that is
   not. */
TERN_INLINE void mac_group(int32x4_t *s, const int8_t *a, ptrdiff_t ld_a, const uint8_t *line, int8x16_t value,
                           int steps, int rows)
{
    int8x16_t x[TILE_ROWS];
    for (; steps >= BLOCK; steps -= BLOCK, a += BLOCK * TERN_PANEL_K, line += BLOCK / 2 * TERN_LINE) {
        TERN_UNROLL
        for (int i = 0; i < rows; i++)
            x[i] = vld1q_s8(a + i * ld_a);
        mac_line(s, x, line, value, 0, rows);
        mac_line(s, x, line + TERN_LINE, value, 1, rows);
    }
    if (steps) {
        TERN_UNROLL
        for (int i = 0; i < rows; i++)
            x[i] = load_some(a + i * ld_a, steps);
        mac_line(s, x, line, value, 0, rows);
        if (steps > 2)
            mac_line(s, x, line + TERN_LINE, value, 1, rows);
    }
}

TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int k4,
                      const int rows)
{
    const int8x16_t value = vld1q_s8(w->book->value);
    const int per_group = w->mul ? w->group : k4;
    const uint8_t *line = w->line, *mul = w->mul;
    int32x4_t total[TILE_ROWS * PIECES];
    TERN_UNROLL
    for (int i = 0; i < rows * PIECES; i++)
        total[i] = vdupq_n_s32(0);
    for (int left = k4; left > 0; left -= per_group) {
        const int steps = left < per_group ? left : per_group;
        int32x4_t s[TILE_ROWS * PIECES];
        TERN_UNROLL
        for (int i = 0; i < rows * PIECES; i++)
            s[i] = vdupq_n_s32(0);
        mac_group(s, a, ld_a, line, value, steps, rows);
        settle(total, s, mul ? vld1q_u8(mul) : vdupq_n_u8(1), rows);
        a += steps * TERN_PANEL_K;
        line += (ptrdiff_t)(steps / 2) * TERN_LINE;
        mul += mul ? TERN_PANEL : 0;
    }
    store(c, ld_c, total, rows);
}

typedef void tile_fn(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int k4);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,   \
                            int k4)                                                                                    \
    {                                                                                                                  \
        tile(a, ld_a, w, c, ld_c, k4, rows);                                                                           \
    }
TILE(1) TILE(2) TILE(3) TILE(4)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4};
// clang-format on

/* Each panel is swept by all rows, in tiles of as equal heights as can be. */
void tern_gemm_s4_dotprod(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c,
                          int m, int panels, int k4)
{
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int panel = 0; panel < panels; panel++, c += TERN_PANEL) {
        const struct tern_codes at = tern_codes_at(w, panel, k4);
        for (int block_of = 0, i = 0; block_of < tiling.tiles; block_of++) {
            const int rows = tern_tile_rows(tiling, block_of);
            tiles[rows - 1](a + i * ld_a, ld_a, &at, c + i * ld_c, ld_c, k4);
            i += rows;
        }
    }
}
