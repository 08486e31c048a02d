/* smmla multiplies 2 rows x 8 k by 8 k x 2 channels: 32 products. Two k steps of a piece (4 channels x 4 inputs, as the
   file has them) zip into two such operands; two rows' 8 k are the other. A tile of 6 rows x 16 channels holds 24 sums
   of 32 registers. */
#ifndef __ARM_FEATURE_MATMUL_INT8
#error "compile with -march=armv8.2-a+i8mm"
#endif
#include "simd/arm/neon.h"

enum { TILE_ROWS = 6, STEP = TERN_PANEL * TERN_PANEL_K, PIECE = 4 * TERN_PANEL_K, K8 = 2 * TERN_PANEL_K };

/* Named sums s<pair of rows>_<pair of channels>: arrays of vectors depend on how a compiler unrolls. What a tile lacks
   vanishes, as its size is constant. */
#define ALL_PAIRS(do) do(0) do(1) do(2)

#define START(i)                                                                                                       \
    int32x4_t s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;                                      \
    int32x4_t s##i##_4 = zero, s##i##_5 = zero, s##i##_6 = zero, s##i##_7 = zero;                                      \
    const int8_t *even##i = a + (2 * i < rows ? 2 * i : 0) * ld_a;                                                     \
    const int8_t *odd##i = a + (2 * i + 1 < rows ? 2 * i + 1 : 2 * i < rows ? 2 * i : 0) * ld_a;

/* 8 k of both rows; of the last k step alone, 4 k and zeros. */
#define LOAD(i)                                                                                                        \
    int8x16_t x##i = vdupq_n_s8(0);                                                                                    \
    if (2 * i < rows) {                                                                                                \
        x##i = vcombine_s8(vld1_s8(even##i), vld1_s8(odd##i));                                                         \
        even##i += K8;                                                                                                 \
        odd##i += K8;                                                                                                  \
    }
#define LOAD_FOUR(i)                                                                                                   \
    int8x16_t x##i = vdupq_n_s8(0);                                                                                    \
    if (2 * i < rows)                                                                                                  \
        x##i = vcombine_s8(four(even##i), four(odd##i));

/* Piece p of two k steps; the last step meets zeros in the other's place. */
#define MULTIPLY(i, first, second)                                                                                     \
    if (2 * i < rows) {                                                                                                \
        s##i##_##first = vmmlaq_s32(s##i##_##first, x##i, w01);                                                        \
        s##i##_##second = vmmlaq_s32(s##i##_##second, x##i, w23);                                                      \
    }
#define MULTIPLY_0(i) MULTIPLY(i, 0, 1)
#define MULTIPLY_1(i) MULTIPLY(i, 2, 3)
#define MULTIPLY_2(i) MULTIPLY(i, 4, 5)
#define MULTIPLY_3(i) MULTIPLY(i, 6, 7)
#define FOUR_CHANNELS(p, next)                                                                                         \
    {                                                                                                                  \
        const int32x4_t k0 = vreinterpretq_s32_s8(vld1q_s8(b + p * PIECE));                                            \
        const int32x4_t k1 = vreinterpretq_s32_s8(vld1q_s8(b + p * PIECE + (next)));                                   \
        const int8x16_t w01 = vreinterpretq_s8_s32(vzip1q_s32(k0, k1));                                                \
        const int8x16_t w23 = vreinterpretq_s8_s32(vzip2q_s32(k0, k1));                                                \
        ALL_PAIRS(MULTIPLY_##p)                                                                                        \
        TERN_HOLD_LOADS();                                                                                             \
    }
#define CHANNELS(next) FOUR_CHANNELS(0, next) FOUR_CHANNELS(1, next) FOUR_CHANNELS(2, next) FOUR_CHANNELS(3, next)

/* A sum holds both rows' results for two channels. */
#define ROW(zip, i)                                                                                                    \
    {                                                                                                                  \
        {                                                                                                              \
            zip(s##i##_0, s##i##_1), zip(s##i##_2, s##i##_3), zip(s##i##_4, s##i##_5), zip(s##i##_6, s##i##_7)         \
        }                                                                                                              \
    }
#define STORE(i)                                                                                                       \
    if (2 * i < rows) {                                                                                                \
        const int32x4x4_t even = ROW(even_row, i);                                                                     \
        vst1q_s32_x4(c + 2 * i * ld_c, even);                                                                          \
    }                                                                                                                  \
    if (2 * i + 1 < rows) {                                                                                            \
        const int32x4x4_t odd = ROW(odd_row, i);                                                                       \
        vst1q_s32_x4(c + (2 * i + 1) * ld_c, odd);                                                                     \
    }

TERN_INLINE int32x4_t even_row(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

TERN_INLINE int32x4_t odd_row(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

TERN_INLINE int8x8_t four(const int8_t *a)
{
    uint32_t k;
    __builtin_memcpy(&k, a, sizeof k);
    return vcreate_s8(k);
}

TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, const int rows,
                      int k4)
{
    const int32x4_t zero = vdupq_n_s32(0);
    ALL_PAIRS(START)
    for (; k4 >= 2; k4 -= 2, b += 2 * STEP) {
        ALL_PAIRS(LOAD)
        CHANNELS(STEP)
    }
    if (k4) {
        ALL_PAIRS(LOAD_FOUR)
        CHANNELS(0)
    }
    ALL_PAIRS(STORE)
}

typedef void tile_fn(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4);

#define TILE(rows)                                                                                                     \
    static void tile_##rows(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4)      \
    {                                                                                                                  \
        tile(a, ld_a, b, c, ld_c, rows, k4);                                                                           \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};

/* Each panel is swept by all rows; only the last tile is lower, so that at most one has an odd row. */
void tern_gemm_s8_i8mm(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4)
{
    for (int panel = 0; panel < panels; panel++, b += (ptrdiff_t)k4 * STEP, c += TERN_PANEL)
        for (int i = 0, rows; i < m; i += rows) {
            const int left = m - i;
            rows = left == 8 ? 4 : left < TILE_ROWS ? left : TILE_ROWS; /* 8 rows: 4 + 4, not 6 + 2 */
            tiles[rows - 1](a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, k4);
        }
}
