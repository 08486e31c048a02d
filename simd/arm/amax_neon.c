/* Finds the largest magnitude with NEON. Sixteen columns at a time go into two maxima, so that neither waits for the
   other. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

int32_t tern_amax_neon(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    uint16x8_t even = vdupq_n_u16(0), odd = even;
    int32_t tail = 0;
    for (int i = 0; i < m; i++, x += ld_x) {
        int j = 0;
        for (; j + 16 <= n; j += 16) {
            even = tern_neon_amax(even, vld1q_s16(x + j));
            odd = tern_neon_amax(odd, vld1q_s16(x + j + 8));
        }
        for (; j < n; j++) {
            int32_t magnitude = x[j] < 0 ? -x[j] : x[j];
            tail = magnitude > tail ? magnitude : tail;
        }
    }
    int32_t amax = vmaxvq_u16(vmaxq_u16(even, odd));
    return tail > amax ? tail : amax;
}
