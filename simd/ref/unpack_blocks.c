/* Defines unpack_blocks, which unpacks the 4-bit blocks of sparse weights to int8. */
#include "simd/table.h"

void tern_unpack_blocks_ref(const struct tern_sparse *w, const struct tern_codes *codes, int8_t *value, int panels,
                            int k4)
{
    const int outputs = tern_block_outputs(w->shape);
    for (int p = 0; p < panels; p++) {
        const struct tern_sparse_panel panel = tern_sparse_panel_at(w, p);
        const struct tern_codes c = tern_sparse_codes_at(w, codes, p, k4);
        int8_t *to = value + (ptrdiff_t)(w->first[p] - w->first[0]) * TERN_LINE;
        ptrdiff_t at = 0;
        for (int strip = 0, block = 0; strip < tern_block_strips(w->shape); strip++)
            for (int end = block + panel.count[strip]; block < end; block++) {
                const uint8_t *mul = c.mul + panel.index[block] / c.group * TERN_PANEL + strip * outputs;
                for (int i = 0; i < outputs * TERN_PANEL_K; i++, at++)
                    to[at] = (int8_t)(c.book->value[tern_sparse_code(c.line, at)] * mul[i / TERN_PANEL_K]);
            }
    }
}
