/* Defines residual, which adds accumulators to the residual stream. */
#include "simd/table.h"

void tern_residual_ref(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                       ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                       const int32_t *bias, int up, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            out[i * ld_out + j] =
                tern_residual1(tern_shifted(acc + i * ld_acc, left, j), y[i * ld_y + j], &row[i], mul[j], bias[j], up);
}
