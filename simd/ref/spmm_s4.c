/* Defines spmm_s4, which multiplies block-sparse 4-bit weights. */
#include "simd/table.h"

void tern_spmm_s4_ref(const void *packed, const struct tern_sparse *w, const struct tern_codes *codes, int32_t *c,
                      ptrdiff_t ld_c, int m, int panels, int k4)
{
    const int k = k4 * TERN_PANEL_K;
    for (int j = 0; j < panels * TERN_PANEL; j++) {
        const int p = j / TERN_PANEL, channel = j % TERN_PANEL;
        const struct tern_sparse_panel panel = tern_sparse_panel_at(w, p);
        const struct tern_codes s = tern_sparse_codes_at(w, codes, p, k4);
        for (int row = 0; row < m; row++) {
            const int8_t *x = (const int8_t *)packed + (ptrdiff_t)row * k;
            int32_t sum = 0;
            for (int block = 0; block < *panel.count; block++) {
                const int step = panel.index[block], mul = s.mul[step / s.group * TERN_PANEL + channel];
                for (int i = 0; i < TERN_PANEL_K; i++) {
                    const ptrdiff_t at = (ptrdiff_t)block * TERN_LINE + channel * TERN_PANEL_K + i;
                    sum += x[step * TERN_PANEL_K + i] * s.book->value[tern_sparse_code(s.line, at)] * mul;
                }
            }
            c[row * ld_c + j] = sum;
        }
    }
}
