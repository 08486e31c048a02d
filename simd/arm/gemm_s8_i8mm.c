/* Multiplies int8 matrices with smmla, which takes 2 rows x 8 k by 8 k x 2 channels: 32 products. Two k steps of a
   piece (4 channels x 4 inputs, as the file has them) zip into two such operands; two rows' 8 k are the other. A tile
   of 8 rows x half a panel holds 16 sums; for 32 smmla it loads 16 registers and zips 16 times. */
#ifndef __ARM_FEATURE_MATMUL_INT8
#error "compile with -march=armv8.2-a+i8mm"
#endif
#include "simd/arm/neon.h"

enum { TILE_ROWS = 8, STEP = TERN_PANEL * TERN_PANEL_K, PIECE = 4 * TERN_PANEL_K, K8 = 2 * TERN_PANEL_K };

// clang-format off
/* Named sums s<pair of rows>_<pair of channels>: arrays of vectors depend on how a compiler unrolls. What a tile lacks
   vanishes, as its size is constant. */
#define ALL_PAIRS(do) do(0) do(1) do(2) do(3)
// clang-format on

#define START(i)                                                                                                       \
    int32x4_t s##i##_0 = zero, s##i##_1 = zero, s##i##_2 = zero, s##i##_3 = zero;                                      \
    const int8_t *even##i = a + (2 * i < rows ? 2 * i : 0) * ld_a;                                                     \
    const int8_t *odd##i = a + (2 * i + 1 < rows ? 2 * i + 1 : 2 * i < rows ? 2 * i : 0) * ld_a;

/* 16 k of both rows to 8 k of both, twice; less where K ends. */
#define LOAD(i)                                                                                                        \
    int8x16_t x##i = vdupq_n_s8(0), next##i = x##i;                                                                    \
    if (2 * i < rows) {                                                                                                \
        const int64x2_t e = vreinterpretq_s64_s8(vld1q_s8(even##i)), o = vreinterpretq_s64_s8(vld1q_s8(odd##i));       \
        x##i = vreinterpretq_s8_s64(vzip1q_s64(e, o));                                                                 \
        next##i = vreinterpretq_s8_s64(vzip2q_s64(e, o));                                                              \
        even##i += 2 * K8;                                                                                             \
        odd##i += 2 * K8;                                                                                              \
    }
#define NEXT(i) x##i = next##i;
#define LOAD_EIGHT(i)                                                                                                  \
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
#define FOUR_CHANNELS(p, first, next)                                                                                  \
    {                                                                                                                  \
        const int32x4_t k0 = vreinterpretq_s32_s8(vld1q_s8(b + (first) + p * PIECE));                                  \
        const int32x4_t k1 = vreinterpretq_s32_s8(vld1q_s8(b + (first) + p * PIECE + (next)));                         \
        const int8x16_t w01 = vreinterpretq_s8_s32(vzip1q_s32(k0, k1));                                                \
        const int8x16_t w23 = vreinterpretq_s8_s32(vzip2q_s32(k0, k1));                                                \
        ALL_PAIRS(MULTIPLY_##p)                                                                                        \
        TERN_KEEP_ORDER();                                                                                             \
    }
#define CHANNELS(first, next) FOUR_CHANNELS(0, first, next) FOUR_CHANNELS(1, first, next)

/* A sum holds both rows' results for two channels. */
#define STORE(i)                                                                                                       \
    if (2 * i < rows) {                                                                                                \
        vst1q_s32(c + 2 * i * ld_c, even_row(s##i##_0, s##i##_1));                                                     \
        vst1q_s32(c + 2 * i * ld_c + 4, even_row(s##i##_2, s##i##_3));                                                 \
    }                                                                                                                  \
    if (2 * i + 1 < rows) {                                                                                            \
        vst1q_s32(c + (2 * i + 1) * ld_c, odd_row(s##i##_0, s##i##_1));                                                \
        vst1q_s32(c + (2 * i + 1) * ld_c + 4, odd_row(s##i##_2, s##i##_3));                                            \
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

/* `rows` by half a panel. */
TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, const int rows,
                      int k4)
{
    const int32x4_t zero = vdupq_n_s32(0);
    ALL_PAIRS(START)
    for (; k4 >= 4; k4 -= 4, b += 4 * STEP) {
        ALL_PAIRS(LOAD)
        CHANNELS(0, STEP)
        ALL_PAIRS(NEXT)
        CHANNELS(2 * STEP, STEP)
    }
    if (k4 >= 2) {
        ALL_PAIRS(LOAD_EIGHT)
        CHANNELS(0, STEP)
        k4 -= 2;
        b += 2 * STEP;
    }
    if (k4) {
        ALL_PAIRS(LOAD_FOUR)
        CHANNELS(0, 0)
    }
    ALL_PAIRS(STORE)
}

typedef void tile_fn(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4);

// clang-format off
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4)      \
    {                                                                                                                  \
        tile(a, ld_a, b, c, ld_c, rows, k4);                                                                           \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8)
static tile_fn *const tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};
// clang-format on

/* Up to five rows go to the kernel of sdot: the zips are the same for any number of them, and sdot takes fewer
   instructions then (one row: 0.094 per multiply-add against 0.24). */
enum { LEAST_ROWS = 6 };

/* Each half panel is swept by all rows; only the last tile is lower, so that at most one has an odd row. */
void tern_gemm_s8_i8mm(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4, struct tern_ahead ahead)
{
    const int tail = m % TILE_ROWS;
    if (tail && tail < LEAST_ROWS) {
        m -= tail;
        tern_gemm_s8_dotprod(a + m * ld_a, ld_a, b, c + m * ld_c, ld_c, tail, panels, k4, ahead);
    }
    for (int panel = 0; panel < panels; panel++, b += (ptrdiff_t)k4 * STEP, c += TERN_PANEL)
        for (int half = 0; half < 2; half++)
            for (int i = 0, rows; i < m; i += rows) {
                rows = m - i < TILE_ROWS ? m - i : TILE_ROWS;
                int32_t *to = c + i * ld_c + half * TERN_PANEL / 2;
                tiles[rows - 1](a + i * ld_a, ld_a, b + half * STEP / 2, to, ld_c, k4);
            }
}
