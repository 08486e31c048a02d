/* Widening multiplies: the four k of a row stand in every 32-bit lane and meet four channels of a panel at once. Two
   groups of k are added in int16 (2 * 127 * 127 = 32,258 fits), then pairwise into int32, so that 16 products cost three
   instructions, one of them a multiply per 8 products: the most a core without dot product does. Each channel keeps
   two partial sums, added at the end. The pairing of products is that of gemmlowp and QNNPACK. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

_Static_assert(2 * 127 * 127 <= INT16_MAX, "two products fit in 16 bits");

/* Pieces of four channels that a tile holds: 2 rows * 2 sums * PIECES accumulators leave half the registers. */
enum { ROWS = 2, PIECES = TERN_NEON_REGS / 8, PIECE = 4 * TERN_PANEL_K, GROUP = TERN_PANEL * TERN_PANEL_K };

struct sums {
    int32x4_t low, high;
};

/* Four k in each 32-bit lane. */
TERN_INLINE int8x16_t lanes(int32x4_t k)
{
    return vreinterpretq_s8_s32(k);
}

/* Both groups of a row with one instruction. 32-bit elements, but a load without alignment. */
TERN_INLINE int32x4x2_t broadcast2(const int8_t *a)
{
#ifdef __aarch64__
    return vld2q_dup_s32((const int32_t *)(const void *)a);
#else
    int32x2x2_t half = vld2_dup_s32((const int32_t *)(const void *)a);
    int32x4x2_t k = {{vcombine_s32(half.val[0], half.val[0]), vcombine_s32(half.val[1], half.val[1])}};
    return k;
#endif
}

TERN_INLINE int32x4_t broadcast1(const int8_t *a)
{
    int32_t k;
    __builtin_memcpy(&k, a, sizeof k);
    return vdupq_n_s32(k);
}

/* PIECES of one panel for one or two rows. */
TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int rows, int k4)
{
    struct sums s[ROWS][PIECES];
    TERN_UNROLL
    for (int i = 0; i < rows; i++) {
        TERN_UNROLL
        for (int p = 0; p < PIECES; p++)
            s[i][p].low = s[i][p].high = vdupq_n_s32(0);
    }
    for (; k4 >= 2; k4 -= 2, a += 2 * TERN_PANEL_K, b += 2 * GROUP) {
        int32x4x2_t k[ROWS];
        TERN_UNROLL
        for (int i = 0; i < rows; i++)
            k[i] = broadcast2(a + i * ld_a);
        TERN_UNROLL
        for (int p = 0; p < PIECES; p++) {
            /* Keeps the scheduler from loading all pieces at once, which spills sums. */
            if (p % 2 == 0)
                __asm__ volatile("" ::: "memory");
            int8x16_t b0 = vld1q_s8(b + p * PIECE), b1 = vld1q_s8(b + GROUP + p * PIECE);
            TERN_UNROLL
            for (int i = 0; i < rows; i++) {
                int8x16_t a0 = lanes(k[i].val[0]), a1 = lanes(k[i].val[1]);
                int16x8_t low = vmull_s8(vget_low_s8(b0), vget_low_s8(a0)), high = vmull_high_s8(b0, a0);
                low = vmlal_s8(low, vget_low_s8(b1), vget_low_s8(a1));
                high = vmlal_high_s8(high, b1, a1);
                s[i][p].low = vpadalq_s16(s[i][p].low, low);
                s[i][p].high = vpadalq_s16(s[i][p].high, high);
            }
        }
    }
    TERN_UNROLL
    for (int i = 0; i < rows; i++) {
        int8x16_t a0 = lanes(k4 ? broadcast1(a + i * ld_a) : vdupq_n_s32(0));
        TERN_UNROLL
        for (int p = 0; p < PIECES; p++) {
            if (k4) {
                int8x16_t b0 = vld1q_s8(b + p * PIECE);
                s[i][p].low = vpadalq_s16(s[i][p].low, vmull_s8(vget_low_s8(b0), vget_low_s8(a0)));
                s[i][p].high = vpadalq_s16(s[i][p].high, vmull_high_s8(b0, a0));
            }
            vst1q_s32(c + i * ld_c + 4 * p, vpaddq_s32(s[i][p].low, s[i][p].high));
        }
    }
}

void tern_gemm_s8_neon(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4)
{
    for (int panel = 0; panel < panels; panel++, b += (ptrdiff_t)k4 * GROUP, c += TERN_PANEL) {
        int i = 0;
        for (; i + ROWS <= m; i += ROWS)
            for (int p = 0; p < TERN_PANEL / 4; p += PIECES)
                tile(a + i * ld_a, ld_a, b + p * PIECE, c + i * ld_c + 4 * p, ld_c, ROWS, k4);
        if (i < m)
            for (int p = 0; p < TERN_PANEL / 4; p += PIECES)
                tile(a + i * ld_a, ld_a, b + p * PIECE, c + i * ld_c + 4 * p, ld_c, 1, k4);
    }
}
