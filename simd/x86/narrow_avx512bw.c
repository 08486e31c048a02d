/* Brings a row that has an exponent to 30 bits, and to int16, with AVX-512BW; the lanes past the end load as 0. The
   shift needs only the number of bits of the largest magnitude, and "or" keeps that. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

/* v[n] without what is below 0, if that is asked for; returns the shift. */
static int cut_and_measure(int32_t *v, int relu, int n)
{
    const __m512i least = relu ? _mm512_setzero_si512() : _mm512_set1_epi32(INT32_MIN);
    __m512i all = _mm512_setzero_si512();
    for (int j = 0; j < n; j += 16) {
        const __mmask16 lanes = tern_mask16(n - j);
        const __m512i x = _mm512_maskz_max_epi32(lanes, _mm512_maskz_loadu_epi32(lanes, v + j), least);
        all = _mm512_or_si512(all, _mm512_abs_epi32(x));
        if (relu)
            _mm512_mask_storeu_epi32(v + j, lanes, x);
    }
    return tern_narrow_up((uint32_t)_mm512_reduce_or_epi32(all));
}

int tern_narrow_avx512bw(int32_t *v, int16_t *x, int relu, int n)
{
    const int shift = cut_and_measure(v, relu, n);
    const __m128i count = _mm_cvtsi32_si128(shift < 0 ? 0 : shift);
    const __m512i half = _mm512_set1_epi32(1 << (TERN_NARROW_BITS - 1));
    for (int j = 0; j < n; j += 16) {
        const __mmask16 lanes = tern_mask16(n - j);
        const __m512i a = _mm512_sll_epi32(_mm512_maskz_loadu_epi32(lanes, v + j), count);
        _mm512_mask_storeu_epi32(v + j, lanes, a);
        const __m256i narrow = _mm512_cvtsepi32_epi16(_mm512_srai_epi32(_mm512_add_epi32(a, half), TERN_NARROW_BITS));
        _mm256_mask_storeu_epi16(x + j, lanes, _mm256_max_epi16(narrow, _mm256_set1_epi16(-32767)));
    }
    return shift;
}
