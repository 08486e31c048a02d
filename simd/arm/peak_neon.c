/* Measures how fast NEON could multiply int8, by smull, smlal and sadalp: 16 products in three instructions, what the
   ARMv8.0 and ARMv7 kernels are made of. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/barrier.h"
#include "simd/peak.h"

#include <arm_neon.h>

#define START(i) int32x4_t s##i = vdupq_n_s32(0);
#define MULTIPLY(i)                                                                                                    \
    {                                                                                                                  \
        TERN_PIN_PAIR(w, x);                                                                                           \
        s##i = vpadalq_s16(s##i, vmlal_s8(vmull_s8(w, x), w, x));                                                      \
        TERN_PIN(s##i);                                                                                                \
    }

uint64_t tern_peak_neon(uint64_t n)
{
    int8x8_t w = vdup_n_s8(3), x = vdup_n_s8(5);
    TERN_PEAK_SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        TERN_PEAK_SUMS(MULTIPLY)
    }
    return n * TERN_PEAK_N_SUMS * 16;
}
