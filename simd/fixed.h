/* Fixed-point scalars that the references, the kernels' tails and the per-row set-up share. Every shift of a negative
   number is arithmetic (asserted below). Names follow the instructions they stand for. */
#ifndef TERN_FIXED_H
#define TERN_FIXED_H

#include <stdint.h>

_Static_assert((-1 >> 1) == -1, "arithmetic right shift");

/* x86 packssdw, NEON sqxtn. */
static inline int16_t tern_sat16(int32_t x)
{
    return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
}

/* x86 pmulhrsw; NEON sqrdmulh, from which it differs only for -32768 * -32768: no caller has a multiplier of -32768. */
static inline int16_t tern_mulr(int16_t a, int16_t b)
{
    return (int16_t)((a * b + (1 << 14)) >> 15);
}

/* x86 paddsw, NEON sqadd. */
static inline int16_t tern_adds(int16_t a, int16_t b)
{
    return tern_sat16(a + b);
}

/* 32-bit add that wraps, as every SIMD add does; in C only unsigned arithmetic may. */
static inline int32_t tern_add32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* Rounding right shift by 0..31, ties towards plus infinity; the addition wraps. */
static inline int32_t tern_rshift(int32_t x, int shift)
{
    return shift ? tern_add32(x, (int32_t)(1u << (shift - 1))) >> shift : x;
}

static inline int64_t tern_rshift64(int64_t x, int shift)
{
    return shift ? (x + (int64_t)(1ull << (shift - 1))) >> shift : x;
}

/* Number of bits of x: 0 for 0, 1 for 1, 64 for 2^63. */
static inline int tern_bits(uint64_t x)
{
    return x ? 64 - __builtin_clzll(x) : 0;
}

/* floor(a / b) for b > 0. */
static inline int64_t tern_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The scale for int16 values whose largest magnitude is `amax` (0..32767) to int8: q = tern_to_s8(x, scale).
   amax << shift lies in [2^14, 2^15), mul in [16256, 32512], so |q| <= 127 and |x| = amax gives 127. */
struct tern_s8_scale {
    int16_t shift, mul;
};

static inline struct tern_s8_scale tern_s8_scale_of(int32_t amax)
{
    struct tern_s8_scale s = {0, 0};
    if (amax > 0) {
        s.shift = (int16_t)(15 - tern_bits((uint64_t)amax));
        int32_t a = amax << s.shift;
        s.mul = (int16_t)((127 * 128 * 32768 + a / 2) / a);
    }
    return s;
}

/* 127 * 128 = 16256 leaves seven bits under the result, so that the two roundings differ from one by at most 1/256. */
static inline int8_t tern_to_s8(int16_t x, struct tern_s8_scale s)
{
    return (int8_t)((tern_mulr((int16_t)(x * (1 << s.shift)), s.mul) + 64) >> 7);
}

/* A positive real number as mul * 2^-exp, mul in [2^30, 2^31); {0, 0} is zero. Made at conversion, stored in the file.
 */
struct tern_real {
    int32_t mul, exp;
};

/* round(x * real * 2^bits) for 0 <= x < 2^32, saturated to limit (>= 0). */
static inline int64_t tern_real_apply(uint32_t x, struct tern_real real, int bits, int64_t limit)
{
    uint64_t product = (uint64_t)x * (uint32_t)real.mul; /* < 2^63 */
    int shift = real.exp - bits;
    uint64_t y;
    if (shift > 0)
        y = shift > 63 ? 0 : (product >> (shift - 1)) / 2 + ((product >> (shift - 1)) & 1);
    else
        y = -shift >= 64 - tern_bits(product) ? (product ? (uint64_t)limit : 0) : product << -shift;
    return y > (uint64_t)limit ? limit : (int64_t)y;
}

/* 1 / sqrt(x / 2^32) for x in [2^30, 2^32), in Q30: the result is in [2^30, 2^31) and within 2e-9 (checked over the
   range in tests). Newton's y <- y * (3 - v * y * y) / 2 squares the relative error (times 3/2); the line it starts
   from is within 21 %, so five steps pass the 30 bits. The bits are those of this very sequence. */
static inline uint32_t tern_rsqrt(uint32_t x)
{
    uint64_t v = x >> 2;                                /* Q30, in [1/4, 1) */
    uint64_t y = 2576980378u - (v * 1503238554u >> 30); /* Q30: 2.4 - 1.4 v */
    for (int step = 0; step < 5; step++) {
        uint64_t vy2 = (v * (y * y >> 30)) >> 30;
        y = (y * ((3ull << 30) - vy2)) >> 31;
    }
    return y > 0x7FFFFFFFu ? 0x7FFFFFFFu : (uint32_t)y;
}

#endif
