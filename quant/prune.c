#include "quant/prune.h"

#include <math.h>
#include <stdlib.h>

struct score {
    double squares;
    int row, column;
};

static int by_squares(const void *a, const void *b)
{
    const struct score *x = a, *y = b;
    if (x->squares != y->squares)
        return x->squares < y->squares ? -1 : 1;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

int tern_prune(float *w, int n, int k, const struct tern_pruning *pruning)
{
    const int height = tern_block_outputs(pruning->shape), width = pruning->shape == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K;
    const size_t blocks = (size_t)((n + height - 1) / height) * (size_t)((k + width - 1) / width);
    struct score *score = malloc(blocks * sizeof *score), *at = score;
    if (!score)
        return -1;
    for (int i = 0; i < n; i += height)
        for (int j = 0; j < k; j += width, at++) {
            *at = (struct score){0, i, j};
            for (int row = i; row < n && row < i + height; row++)
                for (int column = j; column < k && column < j + width; column++)
                    at->squares += (double)w[(ptrdiff_t)row * k + column] * (double)w[(ptrdiff_t)row * k + column];
        }
    qsort(score, blocks, sizeof *score, by_squares);
    const size_t zero = (size_t)llrint(pruning->fraction * (double)blocks);
    for (at = score; at < score + zero; at++)
        for (int row = at->row; row < n && row < at->row + height; row++)
            for (int column = at->column; column < k && column < at->column + width; column++)
                w[(ptrdiff_t)row * k + column] = 0;
    free(score);
    return 0;
}
