/* Defines dot_s8, which multiplies one int8 vector by many. */
#include "simd/table.h"

void tern_dot_s8_ref(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    for (int i = 0; i < n; i++) {
        out[i] = 0;
        for (int j = 0; j < k; j++)
            out[i] += q[j] * x[i * ld_x + j];
    }
}
