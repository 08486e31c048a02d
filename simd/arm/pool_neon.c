/* Adds up the rows of a matrix with NEON. Sixteen columns are added down all rows, with the sums in registers: a cache
   line is read once, half a line at a time. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

/* `count` vectors of eight columns. */
TERN_INLINE void pool(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int count)
{
    int32x4_t sums[4];
    TERN_UNROLL
    for (int v = 0; v < 2 * count; v++)
        sums[v] = vdupq_n_s32(0);
    for (int i = 0; i < m; i++, x += ld_x) {
        TERN_UNROLL
        for (int v = 0; v < count; v++) {
            int16x8_t eight = vld1q_s16(x + 8 * v);
            sums[2 * v] = vaddw_s16(sums[2 * v], vget_low_s16(eight));
            sums[2 * v + 1] = vaddw_high_s16(sums[2 * v + 1], eight);
        }
    }
    TERN_UNROLL
    for (int v = 0; v < 2 * count; v++)
        vst1q_s32(out + 4 * v, sums[v]);
}

void tern_pool_neon(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n)
{
    int j = 0;
    for (; j + 16 <= n; j += 16)
        pool(x + j, ld_x, out + j, m, 2);
    for (; j + 8 <= n; j += 8)
        pool(x + j, ld_x, out + j, m, 1);
    for (; j < n; j++) {
        out[j] = 0;
        for (int i = 0; i < m; i++)
            out[j] += x[i * ld_x + j];
    }
}
