/* Defines gemm_f32, which multiplies float matrices. */
#include "simd/table.h"

void tern_gemm_f32_ref(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, const float *bias, float *c,
                       ptrdiff_t ld_c, int m, int n, int k)
{
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int l = 0; l < k; l++)
                sum += a[i * ld_a + l] * w[j * ld_w + l];
            c[i * ld_c + j] = bias ? sum + bias[j] : sum;
        }
    }
}
