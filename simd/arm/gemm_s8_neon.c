/* Widening multiplies: the four k of a row stand in every 32-bit lane and meet four channels of a panel at once. Two
   groups of k are added in int16 (2 * 127 * 127 = 32,258 fits), then pairwise into int32: three instructions for 16
   products. Each channel keeps two partial sums, added at the end. The accumulation is gemmlowp's "two within 16 bits";
   a Cortex-A72 multiplies eight bytes per cycle, and this inner loop leaves its multiplier no idle cycle (llvm-mca). */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

_Static_assert(2 * 127 * 127 <= INT16_MAX, "two products fit in 16 bits");

/* Sixteen bytes are a piece: four channels. A wide tile is two rows by the panel's four pieces, 16 of 32 registers for
   the sums; with 16 registers two rows take half a panel at a time. */
enum { PIECE = 4 * TERN_PANEL_K, GROUP = TERN_PANEL * TERN_PANEL_K, WIDE_PAIR = TERN_NEON_REGS == 32 };

/* The four k of a row in every 32-bit lane: a whole register on 64 bits, where the upper halves meet in smull2; half a
   register on 32 bits. Two groups come with one load, which asks for no alignment. */
#ifdef __aarch64__
typedef int8x16_t four_k;

struct two_groups {
    four_k k0, k1;
};

TERN_INLINE struct two_groups broadcast2(const int8_t *a)
{
    int32x4x2_t v = vld2q_dup_s32((const int32_t *)(const void *)a);
    struct two_groups g = {vreinterpretq_s8_s32(v.val[0]), vreinterpretq_s8_s32(v.val[1])};
    TERN_OPAQUE(g.k0, g.k1);
    return g;
}

TERN_INLINE four_k broadcast1(const int8_t *a)
{
    int32_t k;
    __builtin_memcpy(&k, a, sizeof k);
    return vreinterpretq_s8_s32(vdupq_n_s32(k));
}

TERN_INLINE int8x8_t low_half(four_k a)
{
    return vget_low_s8(a);
}

TERN_INLINE int16x8_t mul_high(int8x16_t b, four_k a)
{
    return vmull_high_s8(b, a);
}

TERN_INLINE int16x8_t mla_high(int16x8_t sum, int8x16_t b, four_k a)
{
    return vmlal_high_s8(sum, b, a);
}
#else
typedef int8x8_t four_k;

struct two_groups {
    four_k k0, k1;
};

TERN_INLINE struct two_groups broadcast2(const int8_t *a)
{
    int32x2x2_t v = vld2_dup_s32((const int32_t *)(const void *)a);
    struct two_groups g = {vreinterpret_s8_s32(v.val[0]), vreinterpret_s8_s32(v.val[1])};
    return g;
}

TERN_INLINE four_k broadcast1(const int8_t *a)
{
    int32_t k;
    __builtin_memcpy(&k, a, sizeof k);
    return vreinterpret_s8_s32(vdup_n_s32(k));
}

TERN_INLINE int8x8_t low_half(four_k a)
{
    return a;
}

TERN_INLINE int16x8_t mul_high(int8x16_t b, four_k a)
{
    return vmull_s8(vget_high_s8(b), a);
}

TERN_INLINE int16x8_t mla_high(int16x8_t sum, int8x16_t b, four_k a)
{
    return vmlal_s8(sum, vget_high_s8(b), a);
}
#endif

/* No arrays of vectors below: clang 14 would keep them in memory. */
struct sums {
    int32x4_t low, high;
};

/* Two pieces for up to two rows. */
struct block {
    struct sums even0, odd0, even1, odd1;
};

TERN_INLINE struct sums mac2(struct sums s, int8x16_t b0, int8x16_t b1, struct two_groups a)
{
    s.low = vpadalq_s16(s.low, vmlal_s8(vmull_s8(vget_low_s8(b0), low_half(a.k0)), vget_low_s8(b1), low_half(a.k1)));
    s.high = vpadalq_s16(s.high, mla_high(mul_high(b0, a.k0), b1, a.k1));
    return s;
}

TERN_INLINE struct sums mac1(struct sums s, int8x16_t b, four_k a)
{
    s.low = vpadalq_s16(s.low, vmull_s8(vget_low_s8(b), low_half(a)));
    s.high = vpadalq_s16(s.high, mul_high(b, a));
    return s;
}

TERN_INLINE struct block block_mac2(struct block s, const int8_t *b, struct two_groups a0, struct two_groups a1,
                                    int rows)
{
    TERN_HOLD_LOADS();
    int8x16_t b0 = vld1q_s8(b), b1 = vld1q_s8(b + GROUP);
    s.even0 = mac2(s.even0, b0, b1, a0);
    if (rows == 2)
        s.even1 = mac2(s.even1, b0, b1, a1);
    if (TERN_NEON_REGS < 32)
        TERN_HOLD_LOADS();
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

/* One or two rows by a panel (wide) or half a panel. */
TERN_INLINE void tile(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int rows, int wide,
                      int k4)
{
    struct sums zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    struct block left = {zero, zero, zero, zero}, right = left;
    const int8_t *second = a + (rows - 1) * ld_a;
    for (; k4 >= 2; k4 -= 2, a += 2 * TERN_PANEL_K, second += 2 * TERN_PANEL_K, b += 2 * GROUP) {
        struct two_groups a0 = broadcast2(a), a1 = rows == 2 ? broadcast2(second) : a0;
        left = block_mac2(left, b, a0, a1, rows);
        if (wide)
            right = block_mac2(right, b + 2 * PIECE, a0, a1, rows);
    }
    if (k4) {
        four_k a0 = broadcast1(a), a1 = broadcast1(second);
        left = block_mac1(left, b, a0, a1);
        if (wide)
            right = block_mac1(right, b + 2 * PIECE, a0, a1);
    }
    block_store(left, c, ld_c, rows);
    if (wide)
        block_store(right, c + TERN_PANEL / 2, ld_c, rows);
}

void tern_gemm_s8_neon(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4)
{
    for (int panel = 0; panel < panels; panel++, b += (ptrdiff_t)k4 * GROUP, c += TERN_PANEL) {
        int i = 0;
        for (; i + 2 <= m; i += 2) {
            tile(a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, 2, WIDE_PAIR, k4);
            if (!WIDE_PAIR)
                tile(a + i * ld_a, ld_a, b + 2 * PIECE, c + i * ld_c + TERN_PANEL / 2, ld_c, 2, 0, k4);
        }
        if (i < m)
            tile(a + i * ld_a, ld_a, b, c + i * ld_c, ld_c, 1, 1, k4);
    }
}
