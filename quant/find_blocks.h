/* The zeros that a float matrix has, and whether they lie in blocks. Host side only. */
#ifndef TERN_FIND_BLOCKS_H
#define TERN_FIND_BLOCKS_H

#include "simd/sparse.h"

struct tern_zeros {
    int64_t weights, zero;                                          /* all, and those that are zero */
    int64_t blocks[TERN_N_BLOCK_SHAPES], left[TERN_N_BLOCK_SHAPES]; /* all, and those that are not all zero */
    int64_t inside[TERN_N_BLOCK_SHAPES];                            /* zero weights in blocks that are all zero */
};

/* Of w[n][k]; blocks at the edges of n and k may be smaller. */
void tern_count_zeros(struct tern_zeros *out, const float *w, int n, int k);
/* The largest shape whose empty blocks hold nearly all zeros: what the matrix was pruned in. -1: none. */
int tern_zeros_shape(const struct tern_zeros *zeros);

#endif
