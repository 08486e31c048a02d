/* Defines pool, which adds up the rows of a matrix. */
#include "simd/table.h"

void tern_pool_ref(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n)
{
    for (int j = 0; j < n; j++) {
        out[j] = 0;
        for (int i = 0; i < m; i++)
            out[j] += x[i * ld_x + j];
    }
}
