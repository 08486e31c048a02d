/* Defines gemm_s8, which multiplies int8 matrices. */
#include "simd/table.h"

void tern_gemm_s8_ref(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                      int k4, struct tern_ahead ahead)
{
    (void)ahead;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < panels * TERN_PANEL; j++) {
            const int8_t *channel = b + ((ptrdiff_t)(j / TERN_PANEL) * k4 * TERN_PANEL + j % TERN_PANEL) * TERN_PANEL_K;
            int32_t sum = 0;
            for (int k = 0; k < k4; k++)
                for (int l = 0; l < TERN_PANEL_K; l++)
                    sum += a[i * ld_a + k * TERN_PANEL_K + l] * channel[(ptrdiff_t)k * TERN_PANEL * TERN_PANEL_K + l];
            c[i * ld_c + j] = sum;
        }
    }
}
