/* The definition of softmax_f32: rows of scores to probabilities. */
#include "simd/table.h"

#include <math.h>

void tern_softmax_f32_ref(float *x, ptrdiff_t ld, float scale, int m, int n)
{
    for (int i = 0; i < m; i++, x += ld) {
        float max = x[0], sum = 0;
        for (int j = 1; j < n; j++)
            max = fmaxf(max, x[j]);
        for (int j = 0; j < n; j++)
            sum += x[j] = expf(scale * (x[j] - max));
        for (int j = 0; j < n; j++)
            x[j] /= sum;
    }
}
