/* Takes diagonals of rows of 16 with NEON, 4 columns at a time. A diagonal is put together in two steps, each of which
   blends what it takes with that of one or two rows before, so that each row is loaded once. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

/* m diagonals of 4 columns, of which the first in memory ends at the last place. */
TERN_INLINE void skew4(const int32_t *x, const int16_t *at, int first, int32_t *out, ptrdiff_t ld_out, int m)
{
    const uint32x4_t odd = {0, UINT32_MAX, 0, UINT32_MAX}, high = {0, 0, UINT32_MAX, UINT32_MAX};
    int32x4_t row = vdupq_n_s32(0), two[2] = {row, row};
    for (int p = 0; p < m + 3; p++) {
        const int32x4_t next = vld1q_s32(x + (at[p] - first) * TERN_PANEL);
        const int32x4_t pair = vbslq_s32(odd, next, row);
        if (p >= 3)
            vst1q_s32(out + (m + 2 - p) * ld_out, vbslq_s32(high, pair, two[0]));
        row = next;
        two[0] = two[1];
        two[1] = pair;
    }
}

void tern_skew_neon(const int32_t *x, const int16_t *at, int32_t *out, ptrdiff_t ld_out, int m, int n)
{
    int j = 0;
    for (; j + 4 <= n; j += 4)
        skew4(x + j, at + j, at[0], out + j, ld_out, m);
    for (int i = 0; j < n && i < m; i++)
        for (int k = j; k < n; k++)
            out[i * ld_out + k] = x[(at[m - 1 - i + k] - at[0]) * TERN_PANEL + k];
}
