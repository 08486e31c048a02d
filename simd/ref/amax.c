/* Defines amax, which finds the largest magnitude. */
#include "simd/table.h"

int32_t tern_amax_ref(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    int32_t amax = 0;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            int32_t v = x[i * ld_x + j], magnitude = v < 0 ? -v : v;
            amax = magnitude > amax ? magnitude : amax;
        }
    }
    return amax;
}
