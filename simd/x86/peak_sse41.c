/* Measures how fast SSE4.1 could multiply int8, by pxor, pmaddubsw, pmaddwd and paddd: 16 products in these four and in
   the two copies that overwriting operands takes, what the exact SSE4.1 kernel is made of. */
#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <smmintrin.h>

#define START(i) __m128i s##i = _mm_setzero_si128();
#define MULTIPLY(i)                                                                                                    \
    {                                                                                                                  \
        __m128i flipped = _mm_xor_si128(w, sign);                                                                      \
        TERN_PIN(flipped);                                                                                             \
        __m128i product = _mm_madd_epi16(_mm_maddubs_epi16(x, flipped), ones);                                         \
        TERN_PIN(product);                                                                                             \
        s##i = _mm_add_epi32(s##i, product);                                                                           \
        TERN_PIN(s##i);                                                                                                \
    }

uint64_t tern_peak_sse41(uint64_t n)
{
    const __m128i w = _mm_set1_epi8(3), x = _mm_set1_epi8(5), sign = _mm_set1_epi8(-1), ones = _mm_set1_epi16(1);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 16;
}
