#include "quant/zeros.h"

/* Pruning in blocks leaves a few zeros by accident; random zeros at 95 %, of which 86 % lie in empty blocks of four, must
   not pass for blocks. */
static const double nearly_all = 0.95;

static int zeros_of_block(const float *w, int k, int height, int width)
{
    int zeros = 0;
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++)
            zeros += w[(ptrdiff_t)i * k + j] == 0;
    return zeros;
}

void tern_count_zeros(struct tern_zeros *out, const float *w, int n, int k)
{
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++) {
        const int rows = tern_block_outputs((enum tern_block_shape)s), columns = s == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K;
        double blocks = 0, left = 0, zero = 0, inside = 0;
        for (int i = 0; i < n; i += rows)
            for (int j = 0; j < k; j += columns) {
                const int height = n - i < rows ? n - i : rows, width = k - j < columns ? k - j : columns;
                const int zeros = zeros_of_block(w + (ptrdiff_t)i * k + j, k, height, width);
                blocks++;
                zero += zeros;
                if (zeros == height * width)
                    inside += zeros;
                else
                    left++;
            }
        out->zero = zero / ((double)n * k);
        out->left[s] = left / blocks;
        out->inside[s] = zero > 0 ? inside / zero : 0;
    }
}

int tern_zeros_shape(const struct tern_zeros *zeros)
{
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
        if (zeros->inside[s] >= nearly_all)
            return s;
    return -1;
}
