/* Defines pack_k, which packs the keys of an attention head. */
#include "simd/table.h"

void tern_pack_k_ref(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    int k4 = tern_k4(n);
    for (int i = 0; i < tern_round_up(m, TERN_PANEL); i++) {
        for (int j = 0; j < k4 * TERN_PANEL_K; j++) {
            ptrdiff_t group = (ptrdiff_t)(i / TERN_PANEL) * k4 + j / TERN_PANEL_K;
            b[(group * TERN_PANEL + i % TERN_PANEL) * TERN_PANEL_K + j % TERN_PANEL_K] =
                i < m && j < n ? tern_to_s8(x[i * ld_x + j], scale) : 0;
        }
    }
}
