/* The helpers that the AVX-512 kernels share. */
#ifndef TERN_X86_AVX512_H
#define TERN_X86_AVX512_H

#include "simd/barrier.h"
#include "simd/ops.h"
#include "simd/tiling.h"
#include "simd/unroll.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))
/* Unrolls the loop that follows where that costs the compiler no registers. */
#ifdef __clang__
#define UNROLL_BY2
#else
#define UNROLL_BY2 _Pragma("GCC unroll 2")
#endif

/* The lowest n bits, 0 <= n; all of them from the width on. */
static inline __mmask64 tern_mask64(int n)
{
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}
static inline __mmask32 tern_mask32(int n)
{
    return n >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
}
static inline __mmask16 tern_mask16(int n)
{
    return (__mmask16)(n >= 16 ? 0xFFFF : (1 << n) - 1);
}

/* Four bytes in every 32-bit lane. */
static ALWAYS_INLINE __m512i tern_four512(const void *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm512_set1_epi32(four);
}

/* packs_epi32 and packs_epi16 work in 128-bit lanes: their 64-bit pieces come out as first, second, first, second ...
   This order sets them straight; tern_mixed is its inverse. */
static inline __m512i tern_straight(__m512i x)
{
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), x);
}
static inline __m512i tern_mixed(__m512i x)
{
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), x);
}

/* tern_rshift: round is 2^(count - 1), or 0 for 0. Variable shifts, because one by a scalar is two instructions. */
struct tern_rshift512 {
    __m512i round, count;
};
static inline struct tern_rshift512 tern_rshift512_of(int count)
{
    struct tern_rshift512 r = {_mm512_set1_epi32((int32_t)(1u << count >> 1)), _mm512_set1_epi32(count)};
    return r;
}
static inline __m512i tern_rshift512(__m512i x, struct tern_rshift512 r)
{
    return _mm512_srav_epi32(_mm512_add_epi32(x, r.round), r.count);
}

/* Sixteen accumulators from acc[j] on, or those of a mask, shifted as requant and residual have them. */
static inline __m512i tern_shifted512(const int32_t *acc, const int32_t *left, int j)
{
    const __m512i x = _mm512_loadu_si512(acc + j);
    return left ? _mm512_sllv_epi32(x, _mm512_loadu_si512(left + j)) : x;
}
static inline __m512i tern_rest_shifted512(const int32_t *acc, const int32_t *left, int j, __mmask16 rest)
{
    const __m512i x = _mm512_maskz_loadu_epi32(rest, acc + j);
    return left ? _mm512_sllv_epi32(x, _mm512_maskz_loadu_epi32(rest, left + j)) : x;
}

/* A row's scale, as requant and context take it. */
struct tern_scale512 {
    struct tern_rshift512 shift;
    __m512i mul;
};
static inline struct tern_scale512 tern_scale512_of(const struct tern_row_scale *row)
{
    const struct tern_scale512 s = {tern_rshift512_of(row->shift), _mm512_set1_epi16((int16_t)row->mul)};
    return s;
}

/* tern_to_s8 in 16-bit lanes. Its last step, (v + 64) >> 7, is mulr(v, 256). */
struct tern_s8_512 {
    __m512i shift, mul;
};
static inline struct tern_s8_512 tern_s8_512_of(struct tern_s8_scale scale)
{
    struct tern_s8_512 s = {_mm512_set1_epi16(scale.shift), _mm512_set1_epi16(scale.mul)};
    return s;
}
static inline __m512i tern_to_s8_512(__m512i x, struct tern_s8_512 s)
{
    x = _mm512_mulhrs_epi16(_mm512_sllv_epi16(x, s.shift), s.mul);
    return _mm512_mulhrs_epi16(x, _mm512_set1_epi16(256));
}
/* Two registers of int16 that hold int8 values, to bytes in order. */
static inline __m512i tern_narrow512(__m512i low, __m512i high)
{
    return tern_straight(_mm512_packs_epi16(low, high));
}

/* The largest of 32 uint16. */
static inline int32_t tern_max_u16_512(__m512i x)
{
    __m256i half = _mm256_max_epu16(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    __m128i eight = _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    /* phminposuw finds the smallest. */
    __m128i ones = _mm_set1_epi16(-1);
    return 65535 - _mm_extract_epi16(_mm_minpos_epu16(_mm_xor_si128(eight, ones)), 0);
}

/* Sum of int32 lanes, as 64 bits. */
static inline int64_t tern_sum512(__m512i x)
{
    __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(x));
    __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(x, 1));
    return _mm512_reduce_add_epi64(_mm512_add_epi64(low, high));
}

/* Exact 64-bit sums of 32-bit lanes in three instructions instead of widening: `wrapped` modulo 2^32, `high` of the
   upper halves. The lower halves' sum is their difference, as long as it fits: 32,768 terms per lane. */
struct tern_long_sum512 {
    __m512i wrapped, high;
};
static inline void tern_long_add512(struct tern_long_sum512 *sum, __m512i x)
{
    sum->wrapped = _mm512_add_epi32(sum->wrapped, x);
    sum->high = _mm512_add_epi32(sum->high, _mm512_srai_epi32(x, 16));
}
static inline int64_t tern_long_total512(const struct tern_long_sum512 *sum)
{
    __m512i low = _mm512_sub_epi32(sum->wrapped, _mm512_slli_epi32(sum->high, 16));
    return tern_sum512(sum->high) * 65536 + tern_sum512(low);
}

/* tern_poly_eval */
struct tern_poly512 {
    __m512i limit, shift, mul, c[8];
};
static inline struct tern_poly512 tern_poly512_of(const struct tern_poly *p)
{
    struct tern_poly512 v = {_mm512_set1_epi16(p->limit),
                             _mm512_set1_epi16(p->shift),
                             _mm512_set1_epi16(p->mul),
                             {_mm512_set1_epi16(p->c[0]), _mm512_set1_epi16(p->c[1]), _mm512_set1_epi16(p->c[2]),
                              _mm512_set1_epi16(p->c[3]), _mm512_set1_epi16(p->c[4]), _mm512_set1_epi16(p->c[5]),
                              _mm512_set1_epi16(p->c[6]), _mm512_set1_epi16(p->c[7])}};
    return v;
}
static ALWAYS_INLINE __m512i tern_horner512(__m512i h, __m512i x, __m512i c)
{
    return _mm512_adds_epi16(_mm512_mulhrs_epi16(h, x), c);
}
static ALWAYS_INLINE __m512i tern_poly_eval512(__m512i y, const struct tern_poly512 *p)
{
    /* |-32768| is 32768 and min unsigned, as in the reference's 32 bits. */
    __m512i u = _mm512_sllv_epi16(_mm512_min_epu16(_mm512_abs_epi16(y), p->limit), p->shift);
    __m512i w = _mm512_adds_epi16(u, _mm512_mulhrs_epi16(u, p->mul));
    __m512i x = _mm512_sub_epi16(_mm512_add_epi16(w, w), _mm512_set1_epi16(32767));
    __m512i h = tern_horner512(p->c[7], x, p->c[6]);
    h = tern_horner512(h, x, p->c[5]);
    h = tern_horner512(h, x, p->c[4]);
    h = tern_horner512(h, x, p->c[3]);
    h = tern_horner512(h, x, p->c[2]);
    h = tern_horner512(h, x, p->c[1]);
    return tern_horner512(h, x, p->c[0]);
}

/* tern_exp2: vpsrlvw gives 0 for a count above 15. */
static ALWAYS_INLINE __m512i tern_exp2_512(__m512i t)
{
    __m512i x = _mm512_and_si512(_mm512_slli_epi16(t, 5), _mm512_set1_epi16(1023 << 5));
    __m512i e = _mm512_mulhrs_epi16(_mm512_set1_epi16(TERN_EXP2_C3), x);
    e = _mm512_mulhrs_epi16(_mm512_add_epi16(e, _mm512_set1_epi16(TERN_EXP2_C2)), x);
    e = _mm512_mulhrs_epi16(_mm512_add_epi16(e, _mm512_set1_epi16(TERN_EXP2_C1)), x);
    e = _mm512_add_epi16(e, _mm512_set1_epi16(TERN_EXP2_C0));
    return _mm512_srlv_epi16(e, _mm512_srli_epi16(t, 10));
}

#endif
