/* Reads the limits of struct tern_sparse_routes: which way a block-sparse matrix is multiplied. */
#include "simd/sparse_routes.h"

int tern_row_bucket(int rows)
{
    return rows <= 2 ? 0 : rows <= 8 ? 1 : rows <= 32 ? 2 : 3;
}

const char *tern_way_name(enum tern_way way)
{
    static const char *const names[] = {"sparse", "expanded", "dense"};
    return names[way];
}

/* A limit of 0 is never reached, not even by a matrix that is empty. */
static int within(int percent, int64_t left, int64_t all)
{
    return percent > 0 && 100 * left <= percent * all;
}

enum tern_way tern_way_stored(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, int64_t left,
                              int64_t all)
{
    return within(r->as_stored[shape][bucket], left, all) ? TERN_WAY_SPARSE : TERN_WAY_EXPANDED;
}

enum tern_way tern_way_open(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, int64_t left,
                            int64_t all)
{
    return within(r->pays[shape][bucket], left, all) ? tern_way_stored(r, shape, bucket, left, all) : TERN_WAY_DENSE;
}
