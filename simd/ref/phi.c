/* Defines phi, the feature map of linear attention. */
#include "simd/table.h"

void tern_phi_ref(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            x[i * ld + j] = tern_phi1(x[i * ld + j], map);
}
