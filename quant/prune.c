/* Sets the blocks of least magnitude to zero: `--sparse SHAPE:FRACTION` without `--calibrate`. */
#include "quant/prune.h"

#include <math.h>
#include <stdlib.h>

static int by_loss(const void *a, const void *b)
{
    const struct tern_block_score *x = a, *y = b;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

size_t tern_count_blocks(enum tern_block_shape shape, int n, int k)
{
    const int height = tern_block_outputs(shape), width = tern_block_inputs(shape);
    return (size_t)((n + height - 1) / height) * (size_t)((k + width - 1) / width);
}

size_t tern_least_blocks(struct tern_block_score *score, size_t blocks, double fraction)
{
    qsort(score, blocks, sizeof *score, by_loss);
    return (size_t)llrint(fraction * (double)blocks);
}

int tern_prune(float *w, int n, int k, const struct tern_pruning *pruning)
{
    const int height = tern_block_outputs(pruning->shape), width = tern_block_inputs(pruning->shape);
    const size_t blocks = tern_count_blocks(pruning->shape, n, k);
    struct tern_block_score *score = malloc(blocks * sizeof *score), *at = score;
    if (!score)
        return -1;
    for (int i = 0; i < n; i += height)
        for (int j = 0; j < k; j += width, at++) {
            *at = (struct tern_block_score){0, i, j};
            for (int row = i; row < n && row < i + height; row++)
                for (int column = j; column < k && column < j + width; column++)
                    at->loss += (double)w[(ptrdiff_t)row * k + column] * (double)w[(ptrdiff_t)row * k + column];
        }
    const size_t zero = tern_least_blocks(score, blocks, pruning->fraction);
    for (at = score; at < score + zero; at++)
        for (int row = at->row; row < n && row < at->row + height; row++)
            for (int column = at->column; column < k && column < at->column + width; column++)
                w[(ptrdiff_t)row * k + column] = 0;
    free(score);
    return 0;
}
