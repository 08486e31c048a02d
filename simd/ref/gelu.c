/* Defines gelu, which applies the GELU. */
#include "simd/table.h"

void tern_gelu_ref(int16_t *y, const struct tern_poly *poly, int n)
{
    for (int j = 0; j < n; j++)
        y[j] = tern_gelu1(y[j], poly);
}
