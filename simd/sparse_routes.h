/* Picks how a block-sparse matrix is multiplied, by where the ways cross (struct tern_sparse_routes). Results do not
   depend on it. */
#ifndef TERN_SPARSE_ROUTES_H
#define TERN_SPARSE_ROUTES_H

#include "simd/table.h"

/* Rows (tokens of a run) that share a column of the tables: up to 2, 8, 32, and more. */
int tern_row_bucket(int rows);

enum tern_way { TERN_WAY_SPARSE, TERN_WAY_EXPANDED, TERN_WAY_DENSE };
/* "sparse", "expanded", "dense" */
const char *tern_way_name(enum tern_way way);
/* The cheaper way for blocks that are stored, `left` of `all` that the matrix has: as they are, or expanded to int8
   panels. */
enum tern_way tern_way_stored(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, int64_t left,
                              int64_t all);
/* The cheapest of all, when how the matrix is stored is still open. */
enum tern_way tern_way_open(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, int64_t left,
                            int64_t all);

#endif
