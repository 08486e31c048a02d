/* Adds up the rows of a matrix with AVX-512BW. It takes strips of 32 columns. Two rows are interleaved so that pmaddwd
   by ones adds their pairs into 32 bits: three instructions per row instead of four for widening. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE void pool32(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, __mmask32 lanes)
{
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i low = _mm512_setzero_si512(), high = low;
    for (int i = 0; i < m; i += 2) {
        __m512i a = _mm512_maskz_loadu_epi16(lanes, x + i * ld_x);
        __m512i b = _mm512_maskz_loadu_epi16(i + 1 < m ? lanes : 0, x + (i + 1 < m ? i + 1 : i) * ld_x);
        low = _mm512_add_epi32(low, _mm512_madd_epi16(_mm512_unpacklo_epi16(a, b), ones));
        high = _mm512_add_epi32(high, _mm512_madd_epi16(_mm512_unpackhi_epi16(a, b), ones));
    }
    __m512i first = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high);
    __m512i second = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high);
    _mm512_mask_storeu_epi32(out, (__mmask16)lanes, first);
    _mm512_mask_storeu_epi32(out + 16, (__mmask16)(lanes >> 16), second);
}

void tern_pool_avx512bw(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n)
{
    for (int j = 0; j < n; j += 32)
        pool32(x + j, ld_x, out + j, m, tern_mask32(n - j));
}
