/* Defines spmm, which multiplies block-sparse weights. */
#include "simd/table.h"

#include <string.h>

/* One block times a row: sum[outputs]. */
static void add_block(int32_t *sum, const int8_t *a, const int8_t *value, const uint16_t *index,
                      enum tern_block_shape shape)
{
    for (int o = 0; o < tern_block_outputs(shape); o++)
        for (int i = 0; i < TERN_PANEL_K; i++) {
            const int input = shape == TERN_BLOCK_4X1 ? index[i] : TERN_PANEL_K * index[0] + i;
            sum[o] += value[TERN_PANEL_K * o + i] * a[input];
        }
}

void tern_spmm_ref(const void *packed, const struct tern_sparse *w, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                   int k4)
{
    const enum tern_block_shape shape = w->shape;
    const int outputs = tern_block_outputs(shape), k = k4 * TERN_PANEL_K;
    for (int p = 0; p < panels; p++)
        for (int i = 0; i < m; i++) {
            const struct tern_sparse_panel panel = tern_sparse_panel_at(w, p);
            const int8_t *row = (const int8_t *)packed + (ptrdiff_t)i * k;
            int32_t *sum = c + i * ld_c + (ptrdiff_t)p * TERN_PANEL;
            memset(sum, 0, TERN_PANEL * sizeof *sum);
            for (int strip = 0, block = 0; strip < tern_block_strips(shape); strip++)
                for (int end = block + panel.count[strip]; block < end; block++)
                    add_block(sum + strip * outputs, row, panel.value + block * outputs * TERN_PANEL_K,
                              panel.index + block * tern_block_indices(shape), shape);
        }
}
