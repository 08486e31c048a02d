/* Makes softmax's probabilities with AVX-512BW, 64 scores at a time, in 16-bit lanes once the difference is scaled: a
   shift right by 1 or more leaves 31 bits, which packssdw cuts at 32,767 as the contract wants; for other shifts D is
   cut first. (e + 16) >> 5 is mulr(e, 1024). packssdw and packsswb leave
   the groups of four bytes in an order that one vpermd undoes. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

struct scale {
    __m512i max, cut, shift, mul;
};

static ALWAYS_INLINE __m512i scaled(__m512i score, const struct scale *s, const int right)
{
    __m512i d = _mm512_sub_epi32(s->max, score);
    if (right)
        return _mm512_srlv_epi32(d, s->shift);
    return _mm512_sllv_epi32(_mm512_min_epu32(d, s->cut), s->shift);
}

/* Probabilities of 32 scores in 16-bit lanes, in the order of packs_epi32. */
static ALWAYS_INLINE __m512i exp32(__m512i low, __m512i high, const struct scale *s, const int right)
{
    __m512i d = _mm512_packs_epi32(scaled(low, s, right), scaled(high, s, right));
    __m512i t = _mm512_mulhrs_epi16(d, s->mul);
    return _mm512_mulhrs_epi16(tern_exp2_512(t), _mm512_set1_epi16(1024));
}

struct factors {
    __m512i high, low;
};

static ALWAYS_INLINE struct factors exp64(__m512i a, __m512i b, __m512i c, __m512i d, const struct scale *s,
                                          const int right)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i three = _mm512_set1_epi16((1 << TERN_P_LOW_BITS) - 1);
    __m512i x = exp32(a, b, s, right), y = exp32(c, d, s, right);
    __m512i high = _mm512_packs_epi16(_mm512_srli_epi16(x, TERN_P_LOW_BITS), _mm512_srli_epi16(y, TERN_P_LOW_BITS));
    __m512i low = _mm512_packs_epi16(_mm512_and_si512(x, three), _mm512_and_si512(y, three));
    struct factors f = {_mm512_permutexvar_epi32(order, high), _mm512_permutexvar_epi32(order, low)};
    return f;
}

/* The sums of both factors, in 64-bit lanes. */
static ALWAYS_INLINE __m512i add_sums(__m512i sum, struct factors f)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i high = _mm512_slli_epi64(_mm512_sad_epu8(f.high, zero), TERN_P_LOW_BITS);
    return _mm512_add_epi64(sum, _mm512_add_epi64(high, _mm512_sad_epu8(f.low, zero)));
}

static ALWAYS_INLINE int32_t softmax(const int32_t *score, const struct scale *s, const int right, int8_t *high,
                                     int8_t *low, int n)
{
    __m512i sum = _mm512_setzero_si512();
    int j = 0;
    for (; j + 64 <= n; j += 64) {
        __m512i a = _mm512_loadu_si512(score + j), b = _mm512_loadu_si512(score + j + 16);
        __m512i c = _mm512_loadu_si512(score + j + 32), d = _mm512_loadu_si512(score + j + 48);
        struct factors f = exp64(a, b, c, d, s, right);
        sum = add_sums(sum, f);
        _mm512_storeu_si512(high + j, f.high);
        _mm512_storeu_si512(low + j, f.low);
    }
    if (j < n) {
        const __mmask64 rest = tern_mask64(n - j), padded = tern_mask64(tern_round_up(n, TERN_PANEL_K) - j);
        __m512i a = _mm512_maskz_loadu_epi32((__mmask16)rest, score + j);
        __m512i b = _mm512_maskz_loadu_epi32((__mmask16)(rest >> 16), score + j + 16);
        __m512i c = _mm512_maskz_loadu_epi32((__mmask16)(rest >> 32), score + j + 32);
        __m512i d = _mm512_maskz_loadu_epi32((__mmask16)(rest >> 48), score + j + 48);
        struct factors f = exp64(a, b, c, d, s, right);
        f.high = _mm512_maskz_mov_epi8(rest, f.high);
        f.low = _mm512_maskz_mov_epi8(rest, f.low);
        sum = add_sums(sum, f);
        _mm512_mask_storeu_epi8(high + j, padded, f.high);
        _mm512_mask_storeu_epi8(low + j, padded, f.low);
    }
    return (int32_t)_mm512_reduce_add_epi64(sum);
}

static int32_t row_max(const int32_t *score, int n)
{
    __m512i a = _mm512_set1_epi32(score[0]), b = a;
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        a = _mm512_max_epi32(a, _mm512_loadu_si512(score + j));
        b = _mm512_max_epi32(b, _mm512_loadu_si512(score + j + 16));
    }
    for (; j < n; j += 16) {
        const __mmask16 rest = tern_mask16(n - j);
        a = _mm512_mask_max_epi32(a, rest, a, _mm512_maskz_loadu_epi32(rest, score + j));
    }
    return _mm512_reduce_max_epi32(_mm512_max_epi32(a, b));
}

int32_t tern_softmax_avx512bw(const int32_t *score, int shift, int mul, int8_t *high, int8_t *low, int n)
{
    const __m512i max = _mm512_set1_epi32(row_max(score, n)), mul16 = _mm512_set1_epi16((int16_t)mul);
    if (shift > 0) {
        const struct scale s = {max, max, _mm512_set1_epi32(shift), mul16};
        return softmax(score, &s, 1, high, low, n);
    }
    const struct scale s = {max, _mm512_set1_epi32(32767 >> -shift), _mm512_set1_epi32(-shift), mul16};
    return softmax(score, &s, 0, high, low, n);
}
