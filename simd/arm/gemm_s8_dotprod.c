/* Multiplies int8 matrices with sdot by element: a register of a row holds 16 k, and each of its four 32-bit lanes
   meets a panel's k step, four pieces of 4 channels x 4 inputs as the file has them. A tile of 5 rows x 16 channels
   holds 20 sums of 32 registers and takes 92 instructions for 80 sdot; sdot gives one result in 4 cycles and two per
   cycle (Cortex-A76 Software Optimization Guide, 3.15), so 8 sums and more hide its latency. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/arm/four_k.h"

enum { TILE_ROWS = 5, STEP = TERN_PANEL * TERN_PANEL_K, BLOCK = 4 /* k steps of one register of a row */ };

// clang-format off
/* Named sums s<row>_<piece>: arrays of vectors depend on how a compiler unrolls. What a tile lacks vanishes, as its
   size is constant. */
#define ALL_ROWS(do) do(0) do(1) do(2) do(3) do(4)
// clang-format on

#define START(i)                                                                                                       \
    int32x4_t s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;                                      \
    const int8_t *a##i = a + (i < rows ? i : 0) * ld_a;

#define LOAD(i)                                                                                                        \
    int8x16_t x##i = i < rows ? vld1q_s8(a##i) : vdupq_n_s8(0);                                                        \
    if (i < rows)                                                                                                      \
        a##i += BLOCK * TERN_PANEL_K;

#define MULTIPLY(i, lane)                                                                                              \
    if (i < rows) {                                                                                                    \
        s##i##_0 = vdotq_laneq_s32(s##i##_0, w.val[0], x##i, lane);                                                    \
        s##i##_1 = vdotq_laneq_s32(s##i##_1, w.val[1], x##i, lane);                                                    \
        s##i##_2 = vdotq_laneq_s32(s##i##_2, w.val[2], x##i, lane);                                                    \
        s##i##_3 = vdotq_laneq_s32(s##i##_3, w.val[3], x##i, lane);                                                    \
        TERN_PIN_PAIR(s##i##_2, s##i##_3); /* else gcc loads the next step's weights before */                         \
    }
#define MULTIPLY_0(i) MULTIPLY(i, 0)
#define MULTIPLY_1(i) MULTIPLY(i, 1)
#define MULTIPLY_2(i) MULTIPLY(i, 2)
#define MULTIPLY_3(i) MULTIPLY(i, 3)

#define K_STEP(multiply)                                                                                               \
    {                                                                                                                  \
        const int8x16x4_t w = vld1q_s8_x4(b);                                                                          \
        b += STEP;                                                                                                     \
        TERN_PIN_SCALAR(b);                                                                                            \
        ALL_ROWS(multiply)                                                                                             \
    }

#define LOAD_FOUR(i)                                                                                                   \
    const int8x16_t x##i = i < rows ? broadcast1(a##i) : vdupq_n_s8(0);                                                \
    if (i < rows)                                                                                                      \
        a##i += TERN_PANEL_K;

#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        const int32x4x4_t s = {{s##i##_0, s##i##_1, s##i##_2, s##i##_3}};                                              \
        vst1q_s32_x4(c + i * ld_c, s);                                                                                 \
    }

TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, const int rows,
                      int k4)
{
    const int32x4_t zero = vdupq_n_s32(0);
    ALL_ROWS(START)
    for (; k4 >= BLOCK; k4 -= BLOCK) {
        ALL_ROWS(LOAD)
        K_STEP(MULTIPLY_0)
        K_STEP(MULTIPLY_1)
        K_STEP(MULTIPLY_2)
        K_STEP(MULTIPLY_3)
    }
    for (; k4 > 0; k4--) {
        ALL_ROWS(LOAD_FOUR)
        K_STEP(MULTIPLY_0)
    }
    ALL_ROWS(STORE)
}

typedef void tile_fn(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4)      \
    {                                                                                                                  \
        tile(a, ld_a, b, c, ld_c, rows, k4);                                                                           \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5};
// clang-format on

/* Each panel is swept by all rows, in tiles of as equal heights as can be. */
void tern_gemm_s8_dotprod(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                          int panels, int k4, struct tern_ahead ahead)
{
    (void)ahead;
    const struct tern_tiling tiling = tern_tiling_of(m, TILE_ROWS);
    for (int panel = 0; panel < panels; panel++, b += (ptrdiff_t)k4 * STEP, c += TERN_PANEL)
        for (int block = 0, i = 0; block < tiling.tiles; block++) {
            const int rows = tern_tile_rows(tiling, block);
            tiles[rows - 1](a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, k4);
            i += rows;
        }
}
