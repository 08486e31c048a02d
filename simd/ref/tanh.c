/* Defines tanh, which applies tanh. */
#include "simd/table.h"

void tern_tanh_ref(int16_t *y, const struct tern_poly *poly, int n)
{
    for (int j = 0; j < n; j++)
        y[j] = tern_tanh1(y[j], poly);
}
