/* Where the ways to store and to multiply a block-sparse matrix cross: found from measured times, and gone by at
   conversion. */
#ifndef TERN_SPARSE_COSTS_H
#define TERN_SPARSE_COSTS_H

#include "models/config.h"
#include "simd/sparse_routes.h"

/* Up to which per cent of its blocks left a matrix of that shape is no slower than stored densely: of a bucket, or of
   the worst one when it is TERN_ANY_BUCKET. */
enum { TERN_ANY_BUCKET = -1 };
int tern_sparse_limit(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket);
/* Makes the limits those beside dense weights of that type, whose products may take less time than int8's. Blocks are
   multiplied as int8. */
void tern_sparse_beside(struct tern_routes *r, enum tern_weights weights);
/* About the time of stored blocks, `left` of `all`, over that of dense storage: proportional to what is left, 1 where
   the two cross, infinite where blocks never pay. */
double tern_sparse_cost(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, int64_t left,
                        int64_t all);
/* The shape of least cost for a matrix with left[shape] of all[shape] blocks, the larger blocks of equals. Dense
   storage is faster than it where its cost is above 1. */
enum tern_block_shape tern_sparse_best(const struct tern_sparse_routes *r, int bucket, const int64_t *left,
                                       const int64_t *all);

/* Where two ways cross, in whole per cents of blocks left: up to there excess[i] (time of the one minus that of the
   other) at left[i] is not above 0, for all i; between the last such i and the next one by a straight line. 100: at all
   of them, 0: not at the first. left ascends. */
int tern_crossing(const double *left, const double *excess, int n);
/* Both limits of a shape and bucket, from the times of the three ways at n <= TERN_MAX_DENSITIES densities. */
enum { TERN_MAX_DENSITIES = 32 };
struct tern_way_times {
    double left, sparse, expanded, dense;
};
void tern_sparse_limits(const struct tern_way_times *times, int n, int *as_stored, int *pays);

#endif
