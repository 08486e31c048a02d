/* Takes diagonals of rows of 16 with NEON, 4 columns at a time. A diagonal is put together in two steps, each of which
   blends what it takes with that of one or two rows before, so that each row is loaded once. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

/* The next row, and of it and the row before the even and the odd columns. */
TERN_INLINE int32x4_t next_pair(int32x4_t *row, const int32_t *x, ptrdiff_t place)
{
    const uint32x4_t odd = {0, UINT32_MAX, 0, UINT32_MAX};
    const int32x4_t before = *row;
    *row = vld1q_s32(x + place * TERN_PANEL);
    return vbslq_s32(odd, *row, before);
}

TERN_INLINE int32x4_t joined(int32x4_t low, int32x4_t high)
{
    return vcombine_s32(vget_low_s32(low), vget_high_s32(high));
}

/* m diagonals of 4 columns, of which the last in memory begins at the first place. */
TERN_INLINE void skew4(const int32_t *x, const int16_t *at, int first, int32_t *out, ptrdiff_t ld_out, int m)
{
    int32x4_t row = vld1q_s32(x + (at[0] - first) * TERN_PANEL);
    int32x4_t one = next_pair(&row, x, at[1] - first), two = next_pair(&row, x, at[2] - first);
    int32_t *to = out + (m - 1) * ld_out;
    int i = 0;
    for (; i + 2 <= m; i += 2, to -= 2 * ld_out) {
        const int32x4_t three = next_pair(&row, x, at[i + 3] - first), four = next_pair(&row, x, at[i + 4] - first);
        vst1q_s32(to, joined(one, three));
        vst1q_s32(to - ld_out, joined(two, four));
        one = three;
        two = four;
    }
    if (i < m)
        vst1q_s32(to, joined(one, next_pair(&row, x, at[i + 3] - first)));
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
