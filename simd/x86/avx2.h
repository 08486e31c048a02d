/* The helpers that the AVX2 kernels share. */
#ifndef TERN_X86_AVX2_H
#define TERN_X86_AVX2_H

#include "simd/barrier.h"
#include "simd/ops.h"
#include "simd/tiling.h"
#include "simd/unroll.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

static inline __m256i tern_load256(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
/* Eight accumulators from acc[j] on, shifted as requant and residual have them. */
static inline __m256i tern_shifted256(const int32_t *acc, const int32_t *left, int j)
{
    const __m256i x = tern_load256(acc + j);
    return left ? _mm256_sllv_epi32(x, tern_load256(left + j)) : x;
}
static inline void tern_store256(void *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)p, x);
}

/* The first n of 8 lanes of 32 bits, the others 0. */
static inline __m256i tern_load_lanes256(const void *from, int n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_epi32(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
}

/* Four bytes in every 32-bit lane. */
static ALWAYS_INLINE __m256i tern_four256(const void *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm256_set1_epi32(four);
}

/* packs_epi32 and packs_epi16 work in 128-bit lanes: this sets their 64-bit pieces straight, and is its own inverse. */
static inline __m256i tern_straight256(__m256i x)
{
    return _mm256_permute4x64_epi64(x, 0xD8);
}

/* The transpose of 8 x 8 lanes of 32 bits, in place. */
static ALWAYS_INLINE void tern_transpose8(__m256i *r)
{
    __m256i t[8];
    TERN_UNROLL
    for (int i = 0; i < 8; i += 4) { /* 4 x 4 within each 128 bits */
        const __m256i a = _mm256_unpacklo_epi32(r[i], r[i + 1]), b = _mm256_unpackhi_epi32(r[i], r[i + 1]);
        const __m256i c = _mm256_unpacklo_epi32(r[i + 2], r[i + 3]), d = _mm256_unpackhi_epi32(r[i + 2], r[i + 3]);
        t[i] = _mm256_unpacklo_epi64(a, c), t[i + 1] = _mm256_unpackhi_epi64(a, c);
        t[i + 2] = _mm256_unpacklo_epi64(b, d), t[i + 3] = _mm256_unpackhi_epi64(b, d);
    }
    TERN_UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x31);
    }
}

/* tern_rshift: round is 2^(count - 1), or 0 for 0. Variable shifts, because one by a scalar is two instructions. */
struct tern_rshift256 {
    __m256i round, count;
};
static inline struct tern_rshift256 tern_rshift256_of(int count)
{
    struct tern_rshift256 r = {_mm256_set1_epi32((int32_t)(1u << count >> 1)), _mm256_set1_epi32(count)};
    return r;
}
static inline __m256i tern_rshift256(__m256i x, struct tern_rshift256 r)
{
    return _mm256_srav_epi32(_mm256_add_epi32(x, r.round), r.count);
}

/* A row's scale, as requant and context take it. */
struct tern_scale256 {
    struct tern_rshift256 shift;
    __m256i mul;
};
static inline struct tern_scale256 tern_scale256_of(const struct tern_row_scale *row)
{
    const struct tern_scale256 s = {tern_rshift256_of(row->shift), _mm256_set1_epi16((int16_t)row->mul)};
    return s;
}

/* tern_to_s8 in 16-bit lanes. A left shift by at most 14 is a multiplication; (v + 64) >> 7 is mulr(v, 256). */
struct tern_s8_256 {
    __m256i power, mul;
};
static inline struct tern_s8_256 tern_s8_256_of(struct tern_s8_scale scale)
{
    struct tern_s8_256 s = {_mm256_set1_epi16((int16_t)(1 << scale.shift)), _mm256_set1_epi16(scale.mul)};
    return s;
}
static inline __m256i tern_to_s8_256(__m256i x, struct tern_s8_256 s)
{
    x = _mm256_mulhrs_epi16(_mm256_mullo_epi16(x, s.power), s.mul);
    return _mm256_mulhrs_epi16(x, _mm256_set1_epi16(256));
}
/* Two registers of int16 that hold int8 values, to bytes in order. */
static inline __m256i tern_narrow256(__m256i low, __m256i high)
{
    return tern_straight256(_mm256_packs_epi16(low, high));
}

static inline void tern_store_s8_256(int8_t *q, __m256i x)
{
    _mm_storeu_si128((__m128i *)q, _mm_packs_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}

/* The largest of 16 uint16. */
static inline int32_t tern_max_u16_256(__m256i x)
{
    __m128i eight = _mm_max_epu16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    /* phminposuw finds the smallest. */
    return 65535 - _mm_extract_epi16(_mm_minpos_epu16(_mm_xor_si128(eight, _mm_set1_epi16(-1))), 0);
}

static inline int64_t tern_sum_i64_256(__m256i x)
{
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return _mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1);
}
/* Sum of int32 lanes, as 64 bits. */
static inline int64_t tern_sum256(__m256i x)
{
    __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(x));
    return tern_sum_i64_256(_mm256_add_epi64(low, _mm256_cvtepi32_epi64(_mm256_extracti128_si256(x, 1))));
}

/* Exact 64-bit sums of 32-bit lanes in three instructions instead of widening: `wrapped` modulo 2^32, `high` of the
   upper halves. The lower halves' sum is their difference, as long as it fits: 32,768 terms per lane. */
struct tern_long_sum256 {
    __m256i wrapped, high;
};
static inline void tern_long_add256(struct tern_long_sum256 *sum, __m256i x)
{
    sum->wrapped = _mm256_add_epi32(sum->wrapped, x);
    sum->high = _mm256_add_epi32(sum->high, _mm256_srai_epi32(x, 16));
}
static inline int64_t tern_long_total256(const struct tern_long_sum256 *sum)
{
    __m256i low = _mm256_sub_epi32(sum->wrapped, _mm256_slli_epi32(sum->high, 16));
    return tern_sum256(sum->high) * 65536 + tern_sum256(low);
}

/* tern_poly_eval */
struct tern_poly256 {
    __m256i limit, power, mul, c[8];
};
static inline struct tern_poly256 tern_poly256_of(const struct tern_poly *p)
{
    struct tern_poly256 v = {_mm256_set1_epi16(p->limit),
                             _mm256_set1_epi16((int16_t)(1 << p->shift)),
                             _mm256_set1_epi16(p->mul),
                             {_mm256_set1_epi16(p->c[0]), _mm256_set1_epi16(p->c[1]), _mm256_set1_epi16(p->c[2]),
                              _mm256_set1_epi16(p->c[3]), _mm256_set1_epi16(p->c[4]), _mm256_set1_epi16(p->c[5]),
                              _mm256_set1_epi16(p->c[6]), _mm256_set1_epi16(p->c[7])}};
    return v;
}
static ALWAYS_INLINE __m256i tern_horner256(__m256i h, __m256i x, __m256i c)
{
    return _mm256_adds_epi16(_mm256_mulhrs_epi16(h, x), c);
}
static ALWAYS_INLINE __m256i tern_poly_eval256(__m256i y, const struct tern_poly256 *p)
{
    /* |-32768| is 32768 and min unsigned, as in the reference's 32 bits. */
    __m256i u = _mm256_mullo_epi16(_mm256_min_epu16(_mm256_abs_epi16(y), p->limit), p->power);
    __m256i w = _mm256_adds_epi16(u, _mm256_mulhrs_epi16(u, p->mul));
    __m256i x = _mm256_sub_epi16(_mm256_add_epi16(w, w), _mm256_set1_epi16(32767));
    __m256i h = tern_horner256(p->c[7], x, p->c[6]);
    h = tern_horner256(h, x, p->c[5]);
    h = tern_horner256(h, x, p->c[4]);
    h = tern_horner256(h, x, p->c[3]);
    h = tern_horner256(h, x, p->c[2]);
    h = tern_horner256(h, x, p->c[1]);
    return tern_horner256(h, x, p->c[0]);
}

/* tern_exp2. AVX2 lacks a 16-bit variable shift: e >> n is the upper half of 2 e * 2^(15 - n), the power looked up by
   pshufb; n counts up to 15, where e < 2^15 is 0 already. */

/* 2^(15 - n) for n in 0 .. 15: the upper byte is 128 >> n, the lower 128 >> (n - 8). An index below 0 gives 0. */
static ALWAYS_INLINE __m256i tern_power256(__m256i n)
{
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(-128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0));
    __m256i twice = _mm256_mullo_epi16(n, _mm256_set1_epi16(257));
    return _mm256_shuffle_epi8(table, _mm256_sub_epi8(twice, _mm256_set1_epi16(8)));
}
static ALWAYS_INLINE __m256i tern_exp2_256(__m256i t)
{
    __m256i x = _mm256_and_si256(_mm256_slli_epi16(t, 5), _mm256_set1_epi16(1023 << 5));
    __m256i e = _mm256_mulhrs_epi16(_mm256_set1_epi16(TERN_EXP2_C3), x);
    e = _mm256_mulhrs_epi16(_mm256_add_epi16(e, _mm256_set1_epi16(TERN_EXP2_C2)), x);
    e = _mm256_mulhrs_epi16(_mm256_add_epi16(e, _mm256_set1_epi16(TERN_EXP2_C1)), x);
    e = _mm256_add_epi16(e, _mm256_set1_epi16(TERN_EXP2_C0));
    __m256i n = _mm256_min_epi16(_mm256_srli_epi16(t, 10), _mm256_set1_epi16(15));
    return _mm256_mulhi_epu16(_mm256_add_epi16(e, e), tern_power256(n));
}

#endif
