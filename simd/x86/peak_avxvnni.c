/* Measures how fast AVX-VNNI could multiply int8, by vpdpbusd on 256 bits, VEX form: 32 products each. */
#ifndef __AVXVNNI__
#error "compile with -mavxvnni"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <immintrin.h>

#define START(i) __m256i s##i = _mm256_setzero_si256();
#define MULTIPLY(i)                                                                                                    \
    s##i = _mm256_dpbusd_avx_epi32(s##i, w, x);                                                                        \
    TERN_PIN(s##i);

uint64_t tern_peak_avxvnni(uint64_t n)
{
    const __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 32;
}
