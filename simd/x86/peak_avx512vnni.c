/* Measures how fast AVX-512 VNNI could multiply int8, by vpdpbusd on 512 bits: 64 products each. */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <immintrin.h>

#define START(i) __m512i s##i = _mm512_setzero_si512();
#define MULTIPLY(i)                                                                                                    \
    s##i = _mm512_dpbusd_epi32(s##i, w, x);                                                                            \
    TERN_PIN(s##i);

uint64_t tern_peak_avx512vnni(uint64_t n)
{
    const __m512i w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 64;
}
