/* Estimates from measured limits what a sparse matrix costs beside a dense one, for `--sparse auto` and the report. */
#include "quant/sparse_costs.h"

#include <math.h>

int tern_sparse_limit(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket)
{
    if (bucket != TERN_ANY_BUCKET)
        return r->pays[shape][bucket];
    int least = 100;
    for (int b = 0; b < TERN_ROW_BUCKETS; b++)
        least = r->pays[shape][b] < least ? r->pays[shape][b] : least;
    return least;
}

/* Per cent of int8's time that dense products take with kernels of their own, of AVX2 (Zen 4) and ARMv8.0
   (instructions). */
static const int int7_time = 80, int6_time = 72;

void tern_sparse_beside(struct tern_routes *r, enum tern_weights weights)
{
    const int per_cent = weights == TERN_WEIGHTS_INT7 && r->s7 < TERN_ANY_ROWS   ? int7_time
                         : weights == TERN_WEIGHTS_INT6 && r->s6 < TERN_ANY_ROWS ? int6_time
                                                                                 : 100;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++)
        for (int b = 0; b < TERN_ROW_BUCKETS; b++)
            r->sparse.pays[shape][b] = r->sparse.pays[shape][b] * per_cent / 100;
}

double tern_sparse_cost(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, int64_t left,
                        int64_t all)
{
    const int limit = tern_sparse_limit(r, shape, bucket);
    return limit > 0 ? (double)(100 * left) / (double)(limit * all) : INFINITY;
}

enum tern_block_shape tern_sparse_best(const struct tern_sparse_routes *r, int bucket, const int64_t *left,
                                       const int64_t *all)
{
    enum tern_block_shape best = TERN_BLOCK_16X4;
    double least = INFINITY;
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++) {
        const double cost = tern_sparse_cost(r, (enum tern_block_shape)i, bucket, left[i], all[i]);
        if (cost < least) {
            least = cost;
            best = (enum tern_block_shape)i;
        }
    }
    return best;
}

int tern_crossing(const double *left, const double *excess, int n)
{
    int good = 0;
    while (good < n && excess[good] <= 0)
        good++;
    if (good == 0 || good == n)
        return good == n ? 100 : 0;
    const double part = -excess[good - 1] / (excess[good] - excess[good - 1]);
    return (int)(100 * (left[good - 1] + part * (left[good] - left[good - 1])) + 1e-9);
}

void tern_sparse_limits(const struct tern_way_times *times, int n, int *as_stored, int *pays)
{
    double left[TERN_MAX_DENSITIES], ways[TERN_MAX_DENSITIES], sparse[TERN_MAX_DENSITIES], expanded[TERN_MAX_DENSITIES];
    for (int i = 0; i < n; i++) {
        left[i] = times[i].left;
        ways[i] = (times[i].sparse - times[i].expanded) / times[i].dense;
        sparse[i] = times[i].sparse / times[i].dense - 1;
        expanded[i] = times[i].expanded / times[i].dense - 1;
    }
    /* Each way by itself: the better of the two is no straight line where they cross. */
    const int by_sparse = tern_crossing(left, sparse, n), by_expanded = tern_crossing(left, expanded, n);
    *as_stored = tern_crossing(left, ways, n);
    *pays = by_sparse > by_expanded ? by_sparse : by_expanded;
}
