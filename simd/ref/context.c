/* Defines context, which brings attention's sums of values to int16. */
#include "simd/table.h"

void tern_context_ref(const int32_t *high, const int32_t *low, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                      const struct tern_row_scale *row, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            out[i * ld_out + j] = tern_context1(high[i * ld_acc + j], low[i * ld_acc + j], &row[i]);
}
