/* The body of gemm_s7_neon.c and gemm_s6_neon.c, which define
     GEMM_NAME    the kernel's name
     GEMM_BOUND   the weights' largest magnitude: 63 or 31
     GEMM_UNIT    k steps whose products fit 16 bits whatever the values: 4 or 8

   As gemm_s8_neon.c, but more products are added in 16 bits before they are widened pairwise: those of a unit of k
   steps, and of two where the magnitudes of the activations that meet in a lane add up to 32,767 / GEMM_BOUND at most.
   That is looked at for each row; a text's rows nearly always allow it. 128 products are 18 instructions then, or 17
   with 31, where gemm_s8 has 18 to 24, mostly 20. Sums of 16 bits need registers as well, so a tile is half a panel, of
   two rows on 64 bits and of one on 32. Weights of the next k step are loaded between the products of one, for cores
   that run in order.
 */
#ifndef GEMM_NAME
#error "include it from a kernel"
#endif
#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/arm/chains.h"

enum {
    MOST_SUM = 32767 / GEMM_BOUND, /* of the magnitudes of activations whose products are added in 16 bits */
    ROW_BLOCK = 64,
};
_Static_assert(GEMM_UNIT * 127 <= MOST_SUM, "a unit's products fit 16 bits");
_Static_assert(GEMM_UNIT == 4 || GEMM_UNIT == 8, "what the assembly has");

// clang-format off
#if GEMM_UNIT == 4
#define UNIT(rows, mul) FOUR_STEPS_##rows(mul, "", ADD)
#else
#define UNIT(rows, mul) FOUR_STEPS_##rows(mul, "", ADD) FOUR_STEPS_##rows(ADD, "", ADD)
#endif
// clang-format on

/* How k steps are widened together: n blocks of two units, of one, of four steps, and what is left. */
struct depth {
    int two_units, units, fours, rest;
};

static struct depth depth_of(int k4, int twice)
{
    struct depth d = {twice ? k4 / (2 * GEMM_UNIT) : 0, 0, 0, 0};
    k4 -= d.two_units * 2 * GEMM_UNIT;
    d.units = k4 / GEMM_UNIT;
    d.fours = k4 % GEMM_UNIT / 4;
    d.rest = k4 % 4;
    return d;
}

#define RUN_ALL(rows)                                                                                                  \
    do {                                                                                                               \
        int n = d->two_units;                                                                                          \
        if (n)                                                                                                         \
            RUN_##rows(LOOP(UNIT(rows, BEGIN) UNIT(rows, ADD) WIDEN_##rows));                                          \
        n = d->units;                                                                                                  \
        if (n)                                                                                                         \
            RUN_##rows(LOOP(UNIT(rows, BEGIN) WIDEN_##rows));                                                          \
        n = d->fours;                                                                                                  \
        if (GEMM_UNIT > 4 && n)                                                                                        \
            RUN_##rows(LOOP(FOUR_STEPS_##rows(BEGIN, "", ADD) WIDEN_##rows));                                          \
        n = 1;                                                                                                         \
        if (d->rest == 1)                                                                                              \
            RUN_##rows(ONE_STEP_##rows(BEGIN) WIDEN_##rows);                                                           \
        else if (d->rest == 2)                                                                                         \
            RUN_##rows(ONE_STEP_##rows(BEGIN) ONE_STEP_##rows(ADD) WIDEN_##rows);                                      \
        else if (d->rest == 3)                                                                                         \
            RUN_##rows(ONE_STEP_##rows(BEGIN) ONE_STEP_##rows(ADD) ONE_STEP_##rows(ADD) WIDEN_##rows);                 \
    } while (0)

TERN_INLINE void half_tile(struct at *at, int32_t *c, ptrdiff_t ld_c, int rows, const struct depth *d)
{
    const struct sums zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct half sum = {zero, zero, zero, zero}, *const s = &sum;
#ifdef __aarch64__
    if (rows == 2)
        RUN_ALL(2);
    else
#endif
        RUN_ALL(1);
    half_store(s, c, ld_c, rows);
}

static void tile_1(struct at at, int32_t *c, ptrdiff_t ld_c, const struct depth *d)
{
    half_tile(&at, c, ld_c, 1, d);
}

#ifdef __aarch64__
static void tile_2(struct at at, int32_t *c, ptrdiff_t ld_c, const struct depth *d)
{
    half_tile(&at, c, ld_c, 2, d);
}
#else
#define tile_2 tile_1
#endif

/* The sums of magnitudes of 8 k steps, for each of the four inputs of a step. */
TERN_INLINE uint16x4_t magnitudes(const int8_t *a)
{
    const uint8x16_t sum = vaddq_u8(vreinterpretq_u8_s8(vabsq_s8(vld1q_s8(a))),
                                    vreinterpretq_u8_s8(vabsq_s8(vld1q_s8(a + 4 * TERN_PANEL_K))));
    const uint16x8_t two = vaddl_u8(vget_low_u8(sum), vget_high_u8(sum));
    return vadd_u16(vget_low_u16(two), vget_high_u16(two));
}

/* Whether a row's products over two units fit 16 bits, wherever two are taken together. */
static int fits_twice(const int8_t *a, int k4)
{
    uint16x4_t most = vdup_n_u16(0);
    for (; k4 >= 2 * GEMM_UNIT; k4 -= 2 * GEMM_UNIT, a += 2 * GEMM_UNIT * TERN_PANEL_K) {
        uint16x4_t sum = magnitudes(a);
        if (GEMM_UNIT == 8)
            sum = vadd_u16(sum, magnitudes(a + 8 * TERN_PANEL_K));
        most = vmax_u16(most, sum);
    }
    most = vpmax_u16(most, most);
    most = vpmax_u16(most, most);
    return vget_lane_u16(most, 0) <= MOST_SUM;
}

void GEMM_NAME(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4,
               struct tern_ahead ahead)
{
    (void)ahead;
    const struct depth depth[2] = {depth_of(k4, 0), depth_of(k4, 1)};
    uint8_t twice[ROW_BLOCK];
    for (int row = 0; row < m; row += ROW_BLOCK, a += ROW_BLOCK * ld_a, c += ROW_BLOCK * ld_c) {
        const int rows = m - row < ROW_BLOCK ? m - row : ROW_BLOCK;
        for (int i = 0; i < rows; i++)
            twice[i] = (uint8_t)fits_twice(a + i * ld_a, k4);
        for (int half = 0; half < 2 * panels; half++) {
            const int8_t *const w = b + (half / 2 * (ptrdiff_t)k4 * TERN_PANEL + half % 2 * 8) * TERN_PANEL_K;
            int32_t *const to = c + half * (TERN_PANEL / 2);
            int i = 0;
            for (; i + TILE_ROWS <= rows; i += TILE_ROWS)
                tile_2((struct at){a + i * ld_a, a + (i + TILE_ROWS - 1) * ld_a, w, NULL}, to + i * ld_c, ld_c,
                       &depth[twice[i] & twice[i + TILE_ROWS - 1]]);
            for (; i < rows; i++)
                tile_1((struct at){a + i * ld_a, a + i * ld_a, w, NULL}, to + i * ld_c, ld_c, &depth[twice[i]]);
        }
    }
}
