/* Defines quantize, which quantises a row to int8. */
#include "simd/table.h"

void tern_quantize_ref(const int16_t *x, int8_t *q, struct tern_row *row, int n)
{
    row->amax = tern_amax_ref(x, n, 1, n);
    struct tern_s8_scale scale = tern_s8_scale_of(row->amax);
    row->norm2 = 0;
    for (int j = 0; j < n; j++) {
        q[j] = tern_to_s8(x[j], scale);
        row->norm2 += q[j] * q[j];
    }
    for (int j = n; j < tern_round_up(n, TERN_PANEL_K); j++)
        q[j] = 0;
}
