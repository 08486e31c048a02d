/* Broadcasts for the widening multiplies of gemm_s8, gemm_s4 and spmm. */
#ifndef TERN_ARM_FOUR_K_H
#define TERN_ARM_FOUR_K_H

#include "simd/arm/neon.h"

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
    TERN_HIDE_PAIR(g.k0, g.k1);
    return g;
}

TERN_INLINE four_k broadcast1(const int8_t *a)
{
    int32_t k;
    __builtin_memcpy(&k, a, sizeof k);
    return vreinterpretq_s8_s32(vdupq_n_s32(k));
}

TERN_INLINE four_k broadcast_word(int32_t k)
{
    return vreinterpretq_s8_s32(vdupq_n_s32(k));
}

/* Four words in turn. */
TERN_INLINE void broadcast4(four_k *x, const int8_t *a)
{
    const int32x4x4_t v = vld4q_dup_s32((const int32_t *)(const void *)a);
    x[0] = vreinterpretq_s8_s32(v.val[0]), x[1] = vreinterpretq_s8_s32(v.val[1]);
    x[2] = vreinterpretq_s8_s32(v.val[2]), x[3] = vreinterpretq_s8_s32(v.val[3]);
    TERN_HIDE_PAIR(x[0], x[1]);
    TERN_HIDE_PAIR(x[2], x[3]);
}

/* Two of the four bytes in every 16-bit lane: the first two, and the last two. */
TERN_INLINE struct two_groups broadcast_pairs(const int8_t *a)
{
    const int16x8x2_t v = vld2q_dup_s16((const int16_t *)(const void *)a);
    struct two_groups g = {vreinterpretq_s8_s16(v.val[0]), vreinterpretq_s8_s16(v.val[1])};
    TERN_HIDE_PAIR(g.k0, g.k1);
    return g;
}

TERN_INLINE four_k none_of_four(void)
{
    return vdupq_n_s8(0);
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

TERN_INLINE four_k broadcast_word(int32_t k)
{
    return vreinterpret_s8_s32(vdup_n_s32(k));
}

/* Four words in turn. */
TERN_INLINE void broadcast4(four_k *x, const int8_t *a)
{
    const int32x2x4_t v = vld4_dup_s32((const int32_t *)(const void *)a);
    x[0] = vreinterpret_s8_s32(v.val[0]), x[1] = vreinterpret_s8_s32(v.val[1]);
    x[2] = vreinterpret_s8_s32(v.val[2]), x[3] = vreinterpret_s8_s32(v.val[3]);
}

/* Two of the four bytes in every 16-bit lane: the first two, and the last two. */
TERN_INLINE struct two_groups broadcast_pairs(const int8_t *a)
{
    const int16x4x2_t v = vld2_dup_s16((const int16_t *)(const void *)a);
    struct two_groups g = {vreinterpret_s8_s16(v.val[0]), vreinterpret_s8_s16(v.val[1])};
    return g;
}

TERN_INLINE four_k none_of_four(void)
{
    return vdup_n_s8(0);
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

#endif
