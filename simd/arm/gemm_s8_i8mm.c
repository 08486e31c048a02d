/* smmla multiplies 2 rows x 8 k by 8 k x 2 channels: 32 products. Two k steps of a piece (4 channels x 4 inputs, as the
   file has them) zip into two such operands, two rows' 8 k into the other. A tile of 6 rows x 16 channels holds 24 sums
   of 32 registers; zips and loads are 34 instructions for 48 smmla. */
#ifndef __ARM_FEATURE_MATMUL_INT8
#error "compile with -march=armv8.2-a+i8mm"
#endif
#include "simd/arm/neon.h"

enum { TILE_ROWS = 6, STEP = TERN_PANEL * TERN_PANEL_K, BLOCK = 4 /* k steps of one register of a row */ };

/* Named sums s<pair of rows>_<pair of channels>: arrays of vectors depend on how a compiler unrolls. What a tile lacks
   vanishes, as its size is constant. */
#define ALL_PAIRS(do) do(0) do(1) do(2)

#define START(i)                                                                                                       \
    int32x4_t s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;                                      \
    int32x4_t s##i##_4 = zero, s##i##_5 = zero, s##i##_6 = zero, s##i##_7 = zero;                                      \
    const int8_t *even##i = a + (2 * i < rows ? 2 * i : 0) * ld_a;                                                     \
    const int8_t *odd##i = a + (2 * i + 1 < rows ? 2 * i + 1 : 2 * i < rows ? 2 * i : 0) * ld_a;

/* 16 k of two rows to 8 k of both, twice. */
#define LOAD(i)                                                                                                        \
    int64x2_t low##i = vdupq_n_s64(0), high##i = low##i;                                                               \
    if (2 * i < rows) {                                                                                                \
        const int64x2_t x = vreinterpretq_s64_s8(vld1q_s8(even##i)), y = vreinterpretq_s64_s8(vld1q_s8(odd##i));       \
        low##i = vzip1q_s64(x, y);                                                                                     \
        high##i = vzip2q_s64(x, y);                                                                                    \
        even##i += BLOCK * TERN_PANEL_K;                                                                               \
        odd##i += BLOCK * TERN_PANEL_K;                                                                                \
    }

/* Four channels: w01 and w23 hold two channels x 8 k each. */
#define MULTIPLY(i, x, first, second)                                                                                  \
    if (2 * i < rows) {                                                                                                \
        s##i##_##first = vmmlaq_s32(s##i##_##first, vreinterpretq_s8_s64(x##i), w01);                                  \
        s##i##_##second = vmmlaq_s32(s##i##_##second, vreinterpretq_s8_s64(x##i), w23);                                \
    }
#define PIECE(p, first, second, multiply)                                                                              \
    {                                                                                                                  \
        const int32x4_t k0 = vreinterpretq_s32_s8(w0.val[p]), k1 = vreinterpretq_s32_s8(w1.val[p]);                    \
        const int8x16_t w01 = vreinterpretq_s8_s32(vzip1q_s32(k0, k1));                                                \
        const int8x16_t w23 = vreinterpretq_s8_s32(vzip2q_s32(k0, k1));                                                \
        ALL_PAIRS(multiply)                                                                                            \
    }
#define LOW_0(i) MULTIPLY(i, low, 0, 1)
#define LOW_1(i) MULTIPLY(i, low, 2, 3)
#define LOW_2(i) MULTIPLY(i, low, 4, 5)
#define LOW_3(i) MULTIPLY(i, low, 6, 7)
#define HIGH_0(i) MULTIPLY(i, high, 0, 1)
#define HIGH_1(i) MULTIPLY(i, high, 2, 3)
#define HIGH_2(i) MULTIPLY(i, high, 4, 5)
#define HIGH_3(i) MULTIPLY(i, high, 6, 7)

/* Two k steps, of one of which `b1` may be a copy with zero activations. Half a panel at a time, to save registers. */
#define K_STEPS(x)                                                                                                     \
    {                                                                                                                  \
        int8x16x2_t w0 = vld1q_s8_x2(b), w1 = vld1q_s8_x2(b + STEP);                                                   \
        PIECE(0, 0, 1, x##_0)                                                                                          \
        PIECE(1, 2, 3, x##_1)                                                                                          \
        TERN_HOLD_LOADS();                                                                                             \
        w0 = vld1q_s8_x2(b + STEP / 2);                                                                                \
        w1 = vld1q_s8_x2(b + STEP + STEP / 2);                                                                         \
        PIECE(0, 4, 5, x##_2)                                                                                          \
        PIECE(1, 6, 7, x##_3)                                                                                          \
        TERN_HOLD_LOADS();                                                                                             \
        b += 2 * STEP;                                                                                                 \
    }

#define LOAD_EIGHT(i)                                                                                                  \
    int64x2_t low##i = vdupq_n_s64(0);                                                                                 \
    if (2 * i < rows) {                                                                                                \
        low##i = vreinterpretq_s64_s8(vcombine_s8(vld1_s8(even##i), vld1_s8(odd##i)));                                 \
        even##i += 2 * TERN_PANEL_K;                                                                                   \
        odd##i += 2 * TERN_PANEL_K;                                                                                    \
    }

/* The last step alone: four k of both rows, and zeros, against the step and itself. */
#define LOAD_FOUR(i)                                                                                                   \
    int64x2_t low##i = vdupq_n_s64(0);                                                                                 \
    if (2 * i < rows)                                                                                                  \
        low##i = vreinterpretq_s64_s8(vcombine_s8(four(even##i), four(odd##i)));
#define LAST_STEP                                                                                                      \
    {                                                                                                                  \
        int8x16x2_t w0 = vld1q_s8_x2(b), w1 = w0;                                                                      \
        PIECE(0, 0, 1, LOW_0)                                                                                          \
        PIECE(1, 2, 3, LOW_1)                                                                                          \
        w0 = vld1q_s8_x2(b + STEP / 2);                                                                                \
        w1 = w0;                                                                                                       \
        PIECE(0, 4, 5, LOW_2)                                                                                          \
        PIECE(1, 6, 7, LOW_3)                                                                                          \
    }

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
    for (; k4 >= BLOCK; k4 -= BLOCK) {
        ALL_PAIRS(LOAD)
        K_STEPS(LOW)
        K_STEPS(HIGH)
    }
    if (k4 >= 2) {
        ALL_PAIRS(LOAD_EIGHT)
        K_STEPS(LOW)
        k4 -= 2;
    }
    if (k4) {
        ALL_PAIRS(LOAD_FOUR)
        LAST_STEP
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
