/* Defines pack_t, which quantises tokens and turns them into rows of columns. */
#include "simd/table.h"

void tern_pack_t_ref(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, ptrdiff_t ld_b,
                     int32_t *sum, int m, int n)
{
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < tern_round_up(m, TERN_PANEL_K); i++) {
            b[j * ld_b + i] = i < m ? tern_to_s8(x[i * ld_x + j], scale) : 0;
            sum[j] += b[j * ld_b + i];
        }
    }
}
