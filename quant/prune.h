/* Pruning: blocks of a float matrix become zero. Host side only. */
#ifndef TERN_PRUNE_H
#define TERN_PRUNE_H

#include "simd/sparse.h"

struct tern_pruning {
    enum tern_block_shape shape;
    double fraction; /* of the matrix's blocks that become zero, 0 .. 1 */
};

/* Zeroes the blocks of w[n][k] of the least sum of squares; of equal ones those that come first. Blocks at the edges of
   n and k may be smaller. 0, or -1 when there is no memory: w is unchanged then. */
int tern_prune(float *w, int n, int k, const struct tern_pruning *pruning);

#endif
