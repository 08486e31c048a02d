/* Defines pack_v, which packs the values of an attention head. */
#include "simd/table.h"

void tern_pack_v_ref(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    int k4 = tern_k4(m);
    for (int j = 0; j < tern_round_up(n, TERN_PANEL); j++) {
        for (int i = 0; i < k4 * TERN_PANEL_K; i++) {
            ptrdiff_t group = (ptrdiff_t)(j / TERN_PANEL) * k4 + i / TERN_PANEL_K;
            b[(group * TERN_PANEL + j % TERN_PANEL) * TERN_PANEL_K + i % TERN_PANEL_K] =
                i < m && j < n ? tern_to_s8(x[i * ld_x + j], scale) : 0;
        }
    }
}
