/* The definition of gelu_f32: x Phi(x) of floats, by erf. */
#include "simd/table.h"

#include <math.h>

void tern_gelu_f32_ref(float *x, ptrdiff_t ld, int m, int n)
{
    for (int i = 0; i < m; i++, x += ld)
        for (int j = 0; j < n; j++)
            x[j] = 0.5f * x[j] * (1 + erff(x[j] * 0.70710678f));
}
