/* Multiplies int8 matrices with NEON, by widening multiplies: the four k of a row stand in every 32-bit lane and meet
   four channels of a panel at once. Two groups of k are added in int16 (2 * 127 * 127 = 32,258 fits), then pairwise
   into int32: three instructions for 16 products. Each channel keeps two partial sums, added at the end. The
   accumulation is gemmlowp's "two within 16 bits"; a Cortex-A72 multiplies eight bytes per cycle, and this inner loop
   leaves its multiplier no idle cycle (llvm-mca). */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/mac2.h"

/* Sixteen bytes are a piece: four channels. */
enum { PIECE = 4 * TERN_PANEL_K, GROUP = TERN_PANEL * TERN_PANEL_K };

/* Two pieces for up to two rows. No arrays of vectors below: clang 14 would keep them in memory. */
struct block {
    struct sums even0, odd0, even1, odd1;
};

TERN_INLINE struct block block_mac2(struct block s, const int8_t *b, struct two_groups a0, struct two_groups a1,
                                    int rows)
{
    TERN_KEEP_ORDER();
    int8x16_t b0 = vld1q_s8(b), b1 = vld1q_s8(b + GROUP);
    s.even0 = mac2(s.even0, b0, b1, a0);
    if (rows == 2)
        s.even1 = mac2(s.even1, b0, b1, a1);
    if (TERN_NEON_REGS < 32)
        TERN_KEEP_ORDER();
    b0 = vld1q_s8(b + PIECE);
    b1 = vld1q_s8(b + GROUP + PIECE);
    s.odd0 = mac2(s.odd0, b0, b1, a0);
    if (rows == 2)
        s.odd1 = mac2(s.odd1, b0, b1, a1);
    return s;
}

TERN_INLINE struct block block_mac1(struct block s, const int8_t *b, four_k a0, four_k a1)
{
    int8x16_t even = vld1q_s8(b), odd = vld1q_s8(b + PIECE);
    struct block next = {mac1(s.even0, even, a0), mac1(s.odd0, odd, a0), mac1(s.even1, even, a1),
                         mac1(s.odd1, odd, a1)};
    return next;
}

TERN_INLINE void block_store(struct block s, int32_t *c, ptrdiff_t ld_c, int rows)
{
    vst1q_s32(c, vpaddq_s32(s.even0.low, s.even0.high));
    vst1q_s32(c + 4, vpaddq_s32(s.odd0.low, s.odd0.high));
    if (rows == 2) {
        vst1q_s32(c + ld_c, vpaddq_s32(s.even1.low, s.even1.high));
        vst1q_s32(c + ld_c + 4, vpaddq_s32(s.odd1.low, s.odd1.high));
    }
}

/* One or two rows by half a panel: all that 16 registers hold. */
TERN_INLINE void half_tile(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int rows,
                           int k4)
{
    struct sums zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct block sum = {zero, zero, zero, zero};
    const int8_t *second = a + (rows - 1) * ld_a;
    for (; k4 >= 2; k4 -= 2, a += 2 * TERN_PANEL_K, second += 2 * TERN_PANEL_K, b += 2 * GROUP) {
        struct two_groups a0 = broadcast2(a), a1 = rows == 2 ? broadcast2(second) : a0;
        sum = block_mac2(sum, b, a0, a1, rows);
    }
    if (k4)
        sum = block_mac1(sum, b, broadcast1(a), broadcast1(second));
    block_store(sum, c, ld_c, rows);
}

TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int rows, int k4)
{
    half_tile(a, ld_a, b, c, ld_c, rows, k4);
    half_tile(a, ld_a, b + 2 * PIECE, c + TERN_PANEL / 2, ld_c, rows, k4);
}

// clang-format off
#ifdef __aarch64__
/* A piece, in v16 .. v19 for the first k step and v20 .. v23 for the second, times both rows; `add` is sadalp, or
   saddlp to begin the sums. */
#define PIECE_BY_TWO_ROWS(add, w0, w1, row0, row1)                                                                     \
    "smull  v28.8h, " w0 ".8b, v24.8b\n"                                                                               \
    "smull2 v29.8h, " w0 ".16b, v24.16b\n"                                                                             \
    "smull  v30.8h, " w0 ".8b, v26.8b\n"                                                                               \
    "smull2 v31.8h, " w0 ".16b, v26.16b\n"                                                                             \
    "smlal  v28.8h, " w1 ".8b, v25.8b\n"                                                                               \
    "smlal2 v29.8h, " w1 ".16b, v25.16b\n"                                                                             \
    "smlal  v30.8h, " w1 ".8b, v27.8b\n"                                                                               \
    "smlal2 v31.8h, " w1 ".16b, v27.16b\n"                                                                             \
    add " %[" row0 "low].4s, v28.8h\n"                                                                                 \
    add " %[" row0 "high].4s, v29.8h\n"                                                                                \
    add " %[" row1 "low].4s, v30.8h\n"                                                                                 \
    add " %[" row1 "high].4s, v31.8h\n"
// clang-format on

// clang-format off
/* Two k steps: the weights' whole panel, four k of each row in every lane. */
#define TWO_STEPS(add)                                                                                                 \
    "ld1    {v16.16b, v17.16b, v18.16b, v19.16b}, [%[b]], #64\n"                                                       \
    "ld2r   {v24.4s, v25.4s}, [%[a]], %[ld]\n"                                                                         \
    "ld1    {v20.16b, v21.16b, v22.16b, v23.16b}, [%[b]], #64\n"                                                       \
    "ld2r   {v26.4s, v27.4s}, [%[a]], %[back]\n"                                                                       \
    PIECE_BY_TWO_ROWS(add, "v16", "v20", "le0", "le1")                                                                 \
    PIECE_BY_TWO_ROWS(add, "v17", "v21", "lo0", "lo1")                                                                 \
    PIECE_BY_TWO_ROWS(add, "v18", "v22", "re0", "re1")                                                                 \
    PIECE_BY_TWO_ROWS(add, "v19", "v23", "ro0", "ro1")
// clang-format on

#define SUMS(name, s) [name##low] "=&w"(s.low), [name##high] "=&w"(s.high)

// clang-format off
/* Two rows by a panel, in assembly: 106 instructions for 96 products and sums. With intrinsics gcc 12 needs 118, and
   spills when it is given ld1 of four registers. `pairs` > 0 of k steps. */
TERN_INLINE void two_rows(struct block *left, struct block *right, const int8_t *a, ptrdiff_t ld_a, const int8_t *b,
                          int pairs)
{
    const ptrdiff_t back = 2 * TERN_PANEL_K - ld_a;
    int left_over = pairs - 1;
    __asm__ volatile(TWO_STEPS("saddlp")
                     "tbz    %w[n], #0, 1f\n"
                     TWO_STEPS("sadalp")
                     "1:\n"
                     "lsr    %w[n], %w[n], #1\n"
                     "cbz    %w[n], 3f\n"
                     "2:\n"
                     "subs   %w[n], %w[n], #1\n"
                     TWO_STEPS("sadalp")
                     TWO_STEPS("sadalp")
                     "b.ne   2b\n"
                     "3:\n"
                     : SUMS(le0, left->even0), SUMS(le1, left->even1), SUMS(lo0, left->odd0), SUMS(lo1, left->odd1),
                       SUMS(re0, right->even0), SUMS(re1, right->even1), SUMS(ro0, right->odd0),
                       SUMS(ro1, right->odd1), [a] "+r"(a), [b] "+r"(b), [n] "+r"(left_over)
                     : [ld] "r"(ld_a), [back] "r"(back)
                     : "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", "cc", "memory");
}
// clang-format on

static void tile_2(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4)
{
    const int pairs = k4 / 2;
    struct sums zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct block left = {zero, zero, zero, zero}, right = left;
    if (pairs)
        two_rows(&left, &right, a, ld_a, b, pairs);
    if (k4 % 2) {
        a += 2 * TERN_PANEL_K * pairs;
        b += (ptrdiff_t)2 * GROUP * pairs;
        const four_k a0 = broadcast1(a), a1 = broadcast1(a + ld_a);
        left = block_mac1(left, b, a0, a1);
        right = block_mac1(right, b + 2 * PIECE, a0, a1);
    }
    block_store(left, c, ld_c, 2);
    block_store(right, c + TERN_PANEL / 2, ld_c, 2);
}
#else
static void tile_2(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int k4)
{
    tile(a, ld_a, b, c, ld_c, 2, k4);
}
#endif

void tern_gemm_s8_neon(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4, struct tern_ahead ahead)
{
    (void)ahead;
    for (int panel = 0; panel < panels; panel++, b += (ptrdiff_t)k4 * GROUP, c += TERN_PANEL) {
        int i = 0;
        for (; i + 2 <= m; i += 2)
            tile_2(a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, k4);
        if (i < m)
            tile(a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, 1, k4);
    }
}
