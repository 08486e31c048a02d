/* Measures how fast dotprod could multiply int8, by sdot: 16 products each. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <arm_neon.h>

#define START(i) int32x4_t s##i = vdupq_n_s32(0);
#define MULTIPLY(i)                                                                                                    \
    s##i = vdotq_s32(s##i, w, x);                                                                                      \
    TERN_PIN(s##i);

uint64_t tern_peak_dotprod(uint64_t n)
{
    const int8x16_t w = vdupq_n_s8(3), x = vdupq_n_s8(5);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 16;
}
