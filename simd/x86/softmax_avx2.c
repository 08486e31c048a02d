/* Makes softmax's probabilities with AVX2, 32 scores at a time, in 16-bit lanes once the difference is scaled: a shift
   right by 1 or more leaves 31 bits, which packssdw cuts at 32,767 as the contract wants; for other shifts D is cut
   first. (e + 16) >> 5 is mulr(e, 1024). */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

#include <string.h>

struct scale {
    __m256i max, cut, shift, mul;
};

static ALWAYS_INLINE __m256i scaled(const int32_t *score, const struct scale *s, const int right)
{
    __m256i d = _mm256_sub_epi32(s->max, tern_load256(score));
    if (right)
        return _mm256_srlv_epi32(d, s->shift);
    return _mm256_sllv_epi32(_mm256_min_epu32(d, s->cut), s->shift);
}

/* Probabilities of 16 scores in 16-bit lanes, in the order of packs_epi32. */
static ALWAYS_INLINE __m256i exp16(const int32_t *score, const struct scale *s, const int right)
{
    __m256i d = _mm256_packs_epi32(scaled(score, s, right), scaled(score + 8, s, right));
    __m256i t = _mm256_mulhrs_epi16(d, s->mul);
    return _mm256_mulhrs_epi16(tern_exp2_256(t), _mm256_set1_epi16(1024));
}

struct factors {
    __m256i high, low;
};

static ALWAYS_INLINE struct factors exp32(const int32_t *score, const struct scale *s, const int right)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i three = _mm256_set1_epi16((1 << TERN_P_LOW_BITS) - 1);
    __m256i x = exp16(score, s, right), y = exp16(score + 16, s, right);
    __m256i high = _mm256_packs_epi16(_mm256_srli_epi16(x, TERN_P_LOW_BITS), _mm256_srli_epi16(y, TERN_P_LOW_BITS));
    __m256i low = _mm256_packs_epi16(_mm256_and_si256(x, three), _mm256_and_si256(y, three));
    struct factors f = {_mm256_permutevar8x32_epi32(high, order), _mm256_permutevar8x32_epi32(low, order)};
    return f;
}

/* The sums of both factors, in 64-bit lanes. */
static ALWAYS_INLINE __m256i add_sums(__m256i sum, __m256i high, __m256i low)
{
    const __m256i zero = _mm256_setzero_si256();
    high = _mm256_slli_epi64(_mm256_sad_epu8(high, zero), TERN_P_LOW_BITS);
    return _mm256_add_epi64(sum, _mm256_add_epi64(high, _mm256_sad_epu8(low, zero)));
}

/* The first `rest` bytes of f, then zeros to a multiple of 4; returns f without the others. */
static __m256i store_rest(int8_t *p, __m256i f, int rest)
{
    int8_t last[64]; /* room for the zeros behind the last byte */
    tern_store256(last, f);
    tern_store256(last + rest, _mm256_setzero_si256());
    memcpy(p, last, (size_t)tern_round_up(rest, TERN_PANEL_K));
    return tern_load256(last);
}

static ALWAYS_INLINE int32_t softmax(const int32_t *score, const struct scale *s, const int right, int8_t *high,
                                     int8_t *low, int n)
{
    __m256i sum = _mm256_setzero_si256();
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        struct factors f = exp32(score + j, s, right);
        sum = add_sums(sum, f.high, f.low);
        tern_store256(high + j, f.high);
        tern_store256(low + j, f.low);
    }
    if (j < n) {
        const int rest = n - j;
        int32_t padded[32] = {0};
        memcpy(padded, score + j, (size_t)rest * sizeof *score);
        struct factors f = exp32(padded, s, right);
        sum = add_sums(sum, store_rest(high + j, f.high, rest), store_rest(low + j, f.low, rest));
    }
    return (int32_t)tern_sum_i64_256(sum);
}

static int32_t row_max(const int32_t *score, int n)
{
    __m256i a = _mm256_set1_epi32(score[0]), b = a;
    int32_t max = score[0];
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        a = _mm256_max_epi32(a, tern_load256(score + j));
        b = _mm256_max_epi32(b, tern_load256(score + j + 8));
    }
    for (; j < n; j++)
        max = score[j] > max ? score[j] : max;
    a = _mm256_max_epi32(a, b);
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return _mm_cvtsi128_si32(four) > max ? _mm_cvtsi128_si32(four) : max;
}

int32_t tern_softmax_avx2(const int32_t *score, int shift, int mul, int8_t *high, int8_t *low, int n)
{
    const __m256i max = _mm256_set1_epi32(row_max(score, n)), mul16 = _mm256_set1_epi16((int16_t)mul);
    if (shift > 0) {
        const struct scale s = {max, max, _mm256_set1_epi32(shift), mul16};
        return softmax(score, &s, 1, high, low, n);
    }
    const struct scale s = {max, _mm256_set1_epi32(32767 >> -shift), _mm256_set1_epi32(-shift), mul16};
    return softmax(score, &s, 0, high, low, n);
}
