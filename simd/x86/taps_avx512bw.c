/* Sums a depthwise convolution's products at one token with AVX-512BW, 32 columns at a time: two taps' values lie side
   by side, so that pmaddwd adds their products. The unpacks leave the columns in an order that two permutes undo. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

struct columns {
    __m512i low, high;
};

static ALWAYS_INLINE struct columns add_pair(struct columns s, __m512i x, __m512i next_x, __m512i w, __m512i next_w)
{
    const __m512i low = _mm512_madd_epi16(_mm512_unpacklo_epi16(x, next_x), _mm512_unpacklo_epi16(w, next_w));
    const __m512i high = _mm512_madd_epi16(_mm512_unpackhi_epi16(x, next_x), _mm512_unpackhi_epi16(w, next_w));
    return (struct columns){_mm512_add_epi32(s.low, low), _mm512_add_epi32(s.high, high)};
}

void tern_taps_avx512bw(const int16_t *x, ptrdiff_t ld_x, const int16_t *w, ptrdiff_t ld_w, int32_t *sum, int m, int n)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (int j = 0; j < n; j += 32) {
        const __mmask32 rest = tern_mask32(n - j);
        const __mmask16 low = (__mmask16)rest, high = (__mmask16)(rest >> 16);
        struct columns s = {zero, zero};
        const int16_t *a = x + j, *b = w + j;
        int i = 0;
        for (; i + 2 <= m; i += 2, a += 2 * ld_x, b += 2 * ld_w)
            s = add_pair(s, _mm512_maskz_loadu_epi16(rest, a), _mm512_maskz_loadu_epi16(rest, a + ld_x),
                         _mm512_maskz_loadu_epi16(rest, b), _mm512_maskz_loadu_epi16(rest, b + ld_w));
        if (i < m)
            s = add_pair(s, _mm512_maskz_loadu_epi16(rest, a), zero, _mm512_maskz_loadu_epi16(rest, b), zero);
        const __m512i one = _mm512_maskz_loadu_epi32(low, sum + j), two = _mm512_maskz_loadu_epi32(high, sum + j + 16);
        _mm512_mask_storeu_epi32(sum + j, low, _mm512_add_epi32(one, _mm512_permutex2var_epi64(s.low, first, s.high)));
        _mm512_mask_storeu_epi32(sum + j + 16, high,
                                 _mm512_add_epi32(two, _mm512_permutex2var_epi64(s.low, second, s.high)));
    }
}
