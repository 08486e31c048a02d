/* Defines gather, which takes numbers from places that only grow. */
#include "simd/table.h"

void tern_gather_ref(const int32_t *x, const int16_t *at, int32_t *out, int n)
{
    for (int j = 0; j < n; j++)
        out[j] = x[at[j] - at[0]];
}
