/* Packs the values of an attention head with NEON. Four tokens by sixteen columns is one group of a panel: st4
   interleaves the tokens' bytes while it stores. Tokens past m read a row of zeros, which quantises to the padding. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

void tern_pack_v_neon(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    static const int16_t zeros[16];
    struct tern_neon_s8_scale s = tern_neon_s8_scale_of(scale);
    for (int j = 0; j < n; j += TERN_PANEL) {
        for (int i = 0; i < m; i += TERN_PANEL_K, b += TERN_PANEL * TERN_PANEL_K) {
            if (j + TERN_PANEL <= n) {
                int8x16x4_t q;
                TERN_UNROLL
                for (int r = 0; r < 4; r++)
                    q.val[r] = tern_neon_load_s8(i + r < m ? x + (i + r) * ld_x + j : zeros, s);
                vst4q_s8(b, q);
                continue;
            }
            for (int l = 0; l < TERN_PANEL * TERN_PANEL_K; l++) {
                int row = i + l % TERN_PANEL_K, column = j + l / TERN_PANEL_K;
                b[l] = row < m && column < n ? tern_to_s8(x[row * ld_x + column], scale) : 0;
            }
        }
    }
}
