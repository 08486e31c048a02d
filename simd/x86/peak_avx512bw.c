/* Measures how fast AVX-512BW could multiply int8, by pmaddwd and paddd on 512 bits: 32 products in two instructions.
 */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <immintrin.h>

#define START(i) __m512i s##i = _mm512_setzero_si512();
#define MULTIPLY(i)                                                                                                    \
    {                                                                                                                  \
        __m512i product = _mm512_madd_epi16(w, x);                                                                     \
        TERN_PIN(product);                                                                                             \
        s##i = _mm512_add_epi32(s##i, product);                                                                        \
        TERN_PIN(s##i);                                                                                                \
    }

uint64_t tern_peak_avx512bw(uint64_t n)
{
    const __m512i w = _mm512_set1_epi16(3), x = _mm512_set1_epi16(5);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 32;
}
