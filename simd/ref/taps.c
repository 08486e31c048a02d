/* Defines taps, a depthwise convolution at one token. */
#include "simd/table.h"

void tern_taps_ref(const int16_t *x, ptrdiff_t ld_x, const int16_t *w, ptrdiff_t ld_w, int32_t *sum, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            sum[j] += w[i * ld_w + j] * x[i * ld_x + j];
}
