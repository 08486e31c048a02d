/* pmaddwd and paddd: 16 products in two instructions, what the exact AVX2 kernel is made of. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/peak.h"

#include <immintrin.h>

#define START(i) __m256i s##i = _mm256_setzero_si256();
#define MULTIPLY(i)                                                                                                    \
    {                                                                                                                  \
        __m256i product = _mm256_madd_epi16(w, x);                                                                     \
        __asm__ volatile("" : "+x"(product));                                                                          \
        s##i = _mm256_add_epi32(s##i, product);                                                                        \
        __asm__ volatile("" : "+x"(s##i));                                                                             \
    }

uint64_t tern_peak_avx2(uint64_t n)
{
    const __m256i w = _mm256_set1_epi16(3), x = _mm256_set1_epi16(5);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 16;
}
