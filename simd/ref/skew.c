/* Defines skew, which takes diagonals of rows of 16. */
#include "simd/table.h"

void tern_skew_ref(const int32_t *x, const int16_t *at, int32_t *out, ptrdiff_t ld_out, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            out[i * ld_out + j] = x[(at[m - 1 - i + j] - at[0]) * TERN_PANEL + j];
}
