/* Adds sums to a stream that loses bits first, with NEON, 4 at a time. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

void tern_accumulate_neon(int32_t *s, const int32_t *sum, int down, int n)
{
    const struct tern_neon_rshift shift = tern_neon_rshift_by(down);
    int j = 0;
    for (; j + 4 <= n; j += 4)
        vst1q_s32(s + j, tern_neon_add32(tern_neon_rshift(vld1q_s32(s + j), shift), vld1q_s32(sum + j)));
    for (; j < n; j++)
        s[j] = tern_add32(tern_rshift(s[j], down), sum[j]);
}
