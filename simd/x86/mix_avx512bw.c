/* Adds a row to accumulators whose panels have units of their own with AVX-512, a panel at a time: 64-bit sums of the
   even columns and of the odd ones, which are made twice, for the shift and to be shifted. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

struct terms {
    __m512i mul, half, exp;
};
struct sums {
    __m512i even, odd;
};

/* y's term of eight columns, negated where it was. */
static ALWAYS_INLINE __m512i own(__m512i magnitude, __mmask8 negative, struct terms t)
{
    const __m512i x = _mm512_srlv_epi64(_mm512_add_epi64(_mm512_mul_epu32(magnitude, t.mul), t.half), t.exp);
    return _mm512_mask_sub_epi64(x, negative, _mm512_setzero_si512(), x);
}

static ALWAYS_INLINE struct sums sums_of(const int32_t *acc, int32_t unit, const int16_t *y, struct terms t,
                                         __mmask16 rest)
{
    const __m512i a = _mm512_maskz_loadu_epi32(rest, acc), u = _mm512_set1_epi32(unit);
    const __m512i v = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(_mm512_maskz_loadu_epi16((__mmask32)rest, y)));
    const __m512i magnitude = _mm512_abs_epi32(v), zero = _mm512_setzero_si512();
    /* a column's sign is that of its 64 bits when it is the upper half of them */
    const __mmask8 odd = _mm512_cmplt_epi64_mask(v, zero),
                   even = _mm512_cmplt_epi64_mask(_mm512_slli_epi64(v, 32), zero);
    return (struct sums){
        _mm512_add_epi64(_mm512_mul_epi32(a, u), own(magnitude, even, t)),
        _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), u), own(_mm512_srli_epi64(magnitude, 32), odd, t))};
}

static ALWAYS_INLINE __m512i magnitudes(struct sums s)
{
    return _mm512_or_si512(_mm512_abs_epi64(s.even), _mm512_abs_epi64(s.odd));
}

static ALWAYS_INLINE __m512i shifted(struct sums s, __m512i half, __m512i by)
{
    const __m512i even = _mm512_srav_epi64(_mm512_add_epi64(s.even, half), by);
    const __m512i odd = _mm512_srav_epi64(_mm512_add_epi64(s.odd, half), by);
    return _mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32));
}

int tern_mix_avx512bw(const int32_t *acc, const int32_t *unit, const int16_t *y, struct tern_real real, int32_t *sum,
                      int n)
{
    const struct terms t = {_mm512_set1_epi32(real.mul), _mm512_set1_epi64((int64_t)(1ull << (real.exp - 1))),
                            _mm512_set1_epi64(real.exp)};
    const int whole = n - n % TERN_PANEL, last = n / TERN_PANEL;
    const __mmask16 all = 0xFFFF, rest = tern_mask16(n - whole);
    __m512i any = _mm512_setzero_si512();
    for (int j = 0; j < whole; j += TERN_PANEL)
        any = _mm512_or_si512(any, magnitudes(sums_of(acc + j, unit[j / TERN_PANEL], y + j, t, all)));
    if (rest)
        any = _mm512_or_si512(any, magnitudes(sums_of(acc + whole, unit[last], y + whole, t, rest)));
    const int shift = tern_mix_shift((uint64_t)_mm512_reduce_or_epi64(any));
    const __m512i half = _mm512_set1_epi64((int64_t)(1ull << shift >> 1)), by = _mm512_set1_epi64(shift);
    for (int j = 0; j < whole; j += TERN_PANEL)
        _mm512_storeu_si512(sum + j, shifted(sums_of(acc + j, unit[j / TERN_PANEL], y + j, t, all), half, by));
    if (rest)
        _mm512_mask_storeu_epi32(sum + whole, rest,
                                 shifted(sums_of(acc + whole, unit[last], y + whole, t, rest), half, by));
    return shift;
}
