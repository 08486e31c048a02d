/* The definition of layernorm_f32: LayerNorm, or RMSNorm, of a sum of two float rows. */
#include "simd/table.h"

#include <math.h>

void tern_layernorm_f32_ref(float *x, ptrdiff_t ld_x, const float *add, ptrdiff_t ld_add, const float *gamma,
                            const float *beta, float eps, int rms, int m, int n)
{
    for (int i = 0; i < m; i++, x += ld_x) {
        double mean = 0, variance = 0;
        for (int j = 0; j < n; j++) {
            x[j] += add ? add[i * ld_add + j] : 0;
            mean += (double)x[j];
        }
        mean = rms ? 0 : mean / n;
        for (int j = 0; j < n; j++)
            variance += ((double)x[j] - mean) * ((double)x[j] - mean);
        const double scale = 1 / sqrt(variance / n + (double)eps);
        for (int j = 0; j < n; j++)
            x[j] = (float)(((double)x[j] - mean) * scale * (double)gamma[j] + (double)beta[j]);
    }
}
