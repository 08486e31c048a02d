/* Counts a matrix's zero blocks in each shape, for `--sparse auto` and for the report. */
#include "quant/find_blocks.h"

/* Weights that are zero by accident lie outside of blocks; of random zeros 86 % lie in empty blocks of four when 95 %
   of the weights are zero, 97 % when 99 % are. */
static const double nearly_all = 0.98;

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
    *out = (struct tern_zeros){.weights = (int64_t)n * k};
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++) {
        const int rows = tern_block_outputs((enum tern_block_shape)s), columns = s == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K;
        out->zero = 0;
        for (int i = 0; i < n; i += rows)
            for (int j = 0; j < k; j += columns) {
                const int height = n - i < rows ? n - i : rows, width = k - j < columns ? k - j : columns;
                const int zeros = zeros_of_block(w + (ptrdiff_t)i * k + j, k, height, width);
                const int empty = zeros == height * width;
                out->blocks[s]++;
                out->left[s] += !empty;
                out->zero += zeros;
                out->inside[s] += empty ? zeros : 0;
            }
    }
}

int tern_zeros_shape(const struct tern_zeros *zeros)
{
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
        if (zeros->zero && (double)zeros->inside[s] >= nearly_all * (double)zeros->zero)
            return s;
    return -1;
}
