/* Defines gemm_s4, which multiplies 4-bit weights. */
#include "simd/table.h"

void tern_gemm_s4_ref(const int8_t *a, ptrdiff_t ld_a, const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m,
                      int panels, int k4)
{
    for (int j = 0; j < panels * TERN_PANEL; j++) {
        const struct tern_codes panel = tern_codes_at(w, j / TERN_PANEL, k4);
        for (int i = 0; i < m; i++) {
            int32_t sum = 0;
            for (int k = 0; k < k4 * TERN_PANEL_K; k++) {
                const int step = k / TERN_PANEL_K;
                const int code = tern_code_get(panel.line, 4, step, j % TERN_PANEL, k % TERN_PANEL_K);
                const int mul = w->mul ? panel.mul[step / w->group * TERN_PANEL + j % TERN_PANEL] : 1;
                sum += a[i * ld_a + k] * w->book->value[code] * mul;
            }
            c[i * ld_c + j] = sum;
        }
    }
}
