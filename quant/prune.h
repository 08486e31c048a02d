/* Pruning: blocks of a float matrix become zero. Host side only. */
#ifndef TERN_PRUNE_H
#define TERN_PRUNE_H

#include "simd/sparse.h"

struct tern_pruning {
    enum tern_block_shape shape;
    double fraction; /* of the matrix's blocks that become zero, 0 .. 1 */
};

/* Inputs of a block. */
static inline int tern_block_inputs(enum tern_block_shape shape)
{
    return shape == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K;
}

/* What is lost with a block. */
struct tern_block_score {
    double loss;
    int row, column;
};
/* Blocks of w[n][k]; those at the edges may be smaller. */
size_t tern_count_blocks(enum tern_block_shape shape, int n, int k);
/* So many blocks come first as `fraction` says: those of least loss, of equal ones those that lie first. Returns their
   number. */
size_t tern_least_blocks(struct tern_block_score *score, size_t blocks, double fraction);

/* Zeroes the blocks of w[n][k] of the least sum of squares; of equal ones those that come first. 0, or -1 when there is
   no memory: w is unchanged then. */
int tern_prune(float *w, int n, int k, const struct tern_pruning *pruning);

#endif
