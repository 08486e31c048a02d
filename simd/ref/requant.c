/* Defines requant, which brings accumulators to int16. */
#include "simd/table.h"

void tern_requant_ref(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                      const struct tern_row_scale *row, const int32_t *left, const int16_t *mul, const int16_t *bias,
                      int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            out[i * ld_out + j] = tern_requant1(tern_shifted(acc + i * ld_acc, left, j), &row[i], mul[j], bias[j]);
}
