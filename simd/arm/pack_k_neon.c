/* Packs the keys of an attention head with NEON, four tokens by sixteen columns: a 4 x 4 transposition of 32-bit groups
   puts the four tokens' groups side by side, as the panel has them. Tokens past m read a row of zeros, which quantises
   to the padding. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

enum { GROUP = TERN_PANEL * TERN_PANEL_K };

/* b is the first group's place of the first of four tokens. */
TERN_INLINE void store4x4(int8_t *b, const int8x16_t *q)
{
    int32x4x2_t even = vzipq_s32(vreinterpretq_s32_s8(q[0]), vreinterpretq_s32_s8(q[2]));
    int32x4x2_t odd = vzipq_s32(vreinterpretq_s32_s8(q[1]), vreinterpretq_s32_s8(q[3]));
    int32x4x2_t low = vzipq_s32(even.val[0], odd.val[0]), high = vzipq_s32(even.val[1], odd.val[1]);
    vst1q_s8(b, vreinterpretq_s8_s32(low.val[0]));
    vst1q_s8(b + GROUP, vreinterpretq_s8_s32(low.val[1]));
    vst1q_s8(b + 2 * GROUP, vreinterpretq_s8_s32(high.val[0]));
    vst1q_s8(b + 3 * GROUP, vreinterpretq_s8_s32(high.val[1]));
}

void tern_pack_k_neon(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    static const int16_t zeros[16];
    struct tern_neon_s8_scale s = tern_neon_s8_scale_of(scale);
    int k4 = tern_k4(n);
    for (int i = 0; i < tern_round_up(m, TERN_PANEL); i += 4) {
        int8_t *quad = b + (ptrdiff_t)(i / TERN_PANEL) * k4 * GROUP + i % TERN_PANEL * TERN_PANEL_K;
        int j = 0;
        for (; j + 16 <= n; j += 16) {
            int8x16_t q[4];
            TERN_UNROLL
            for (int r = 0; r < 4; r++)
                q[r] = tern_neon_load_s8(i + r < m ? x + (i + r) * ld_x + j : zeros, s);
            store4x4(quad + (ptrdiff_t)j * TERN_PANEL, q);
        }
        for (; j < k4 * TERN_PANEL_K; j++)
            for (int r = 0; r < 4; r++)
                quad[(ptrdiff_t)(j / TERN_PANEL_K) * GROUP + r * TERN_PANEL_K + j % TERN_PANEL_K] =
                    i + r < m && j < n ? tern_to_s8(x[(i + r) * ld_x + j], scale) : 0;
    }
}
