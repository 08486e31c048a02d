/* Finds the LayerNorm that is folded into matrices, and undoes its affine part. */
#include "quant/folded_norm.h"

const struct tern_f32_norm *tern_folded_norm(const struct tern_source *source, const struct tern_f32_weights *weights,
                                             int layer, enum tern_layer_input input)
{
    return tern_reads_affine(source, layer, input) ? NULL : tern_f32_norm_before(weights, source->config, layer, input);
}

void tern_before_affine(float *n, const struct tern_f32_norm *norm, const float *y, int rows, int hidden)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < hidden; j++) {
            const ptrdiff_t at = (ptrdiff_t)i * hidden + j;
            n[at] = norm->gamma[j] == 0 ? 0 : (y[at] - norm->beta[j]) / norm->gamma[j];
        }
}
