/* Measures how fast AVX2 could multiply int8, by pxor, pmaddubsw, pmaddwd and paddd: 32 products in four instructions,
   what the exact AVX2 kernel is made of. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <immintrin.h>

#define START(i) __m256i s##i = _mm256_setzero_si256();
#define MULTIPLY(i)                                                                                                    \
    {                                                                                                                  \
        __m256i flipped = _mm256_xor_si256(w, sign);                                                                   \
        TERN_PIN(flipped);                                                                                             \
        __m256i product = _mm256_madd_epi16(_mm256_maddubs_epi16(x, flipped), ones);                                   \
        TERN_PIN(product);                                                                                             \
        s##i = _mm256_add_epi32(s##i, product);                                                                        \
        TERN_PIN(s##i);                                                                                                \
    }

uint64_t tern_peak_avx2(uint64_t n)
{
    const __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5), sign = _mm256_set1_epi8(-1);
    const __m256i ones = _mm256_set1_epi16(1);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 32;
}
