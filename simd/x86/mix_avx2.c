/* Adds a row to accumulators whose panels have units of their own with AVX2, 8 at a time: 64-bit sums of the even
   columns and of the odd ones, which are made twice, for the shift and to be shifted. A sum that was shifted has 30
   bits: its lower half is the same whatever comes in from above. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

struct terms {
    __m256i mul, half, exp;
};
struct sums {
    __m256i even, odd;
};

/* y's term of four columns, negated where `sign` is all ones. */
static ALWAYS_INLINE __m256i own(__m256i magnitude, __m256i sign, struct terms t)
{
    const __m256i x = _mm256_srlv_epi64(_mm256_add_epi64(_mm256_mul_epu32(magnitude, t.mul), t.half), t.exp);
    return _mm256_sub_epi64(_mm256_xor_si256(x, sign), sign);
}

static ALWAYS_INLINE struct sums sums_of(const int32_t *acc, int32_t unit, const int16_t *y, struct terms t)
{
    const __m256i a = tern_load256(acc), u = _mm256_set1_epi32(unit);
    const __m256i v = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)y));
    const __m256i magnitude = _mm256_abs_epi32(v), sign = _mm256_srai_epi32(v, 31);
    const __m256i even = own(magnitude, _mm256_shuffle_epi32(sign, 0xA0), t);
    const __m256i odd = own(_mm256_srli_epi64(magnitude, 32), _mm256_shuffle_epi32(sign, 0xF5), t);
    return (struct sums){_mm256_add_epi64(_mm256_mul_epi32(a, u), even),
                         _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), u), odd)};
}

static ALWAYS_INLINE __m256i magnitude64(__m256i x)
{
    const __m256i sign = _mm256_cmpgt_epi64(_mm256_setzero_si256(), x);
    return _mm256_sub_epi64(_mm256_xor_si256(x, sign), sign);
}

int tern_mix_avx2(const int32_t *acc, const int32_t *unit, const int16_t *y, struct tern_real real, int32_t *sum, int n)
{
    const struct terms t = {_mm256_set1_epi32(real.mul), _mm256_set1_epi64x((int64_t)(1ull << (real.exp - 1))),
                            _mm256_set1_epi64x(real.exp)};
    __m256i any = _mm256_setzero_si256();
    uint64_t four[4], most = 0;
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        const struct sums s = sums_of(acc + j, unit[j / TERN_PANEL], y + j, t);
        any = _mm256_or_si256(any, _mm256_or_si256(magnitude64(s.even), magnitude64(s.odd)));
    }
    tern_store256(four, any);
    for (int i = 0; i < 4; i++)
        most |= four[i];
    for (int i = j; i < n; i++)
        most |= tern_magnitude64(tern_mix1(acc[i], unit[i / TERN_PANEL], y[i], real));
    const int shift = tern_mix_shift(most);
    const __m256i half = _mm256_set1_epi64x((int64_t)(1ull << shift >> 1));
    const __m256i by = _mm256_set1_epi64x(shift);
    for (j = 0; j + 8 <= n; j += 8) {
        const struct sums s = sums_of(acc + j, unit[j / TERN_PANEL], y + j, t);
        const __m256i even = _mm256_srlv_epi64(_mm256_add_epi64(s.even, half), by);
        const __m256i odd = _mm256_slli_epi64(_mm256_srlv_epi64(_mm256_add_epi64(s.odd, half), by), 32);
        tern_store256(sum + j, _mm256_blend_epi32(even, odd, 0xAA));
    }
    for (; j < n; j++)
        sum[j] = (int32_t)tern_rshift64(tern_mix1(acc[j], unit[j / TERN_PANEL], y[j], real), shift);
    return shift;
}
