/* Where the ways to store and to multiply a block-sparse matrix cross: found, read, and gone by at conversion. Host side
   only. */
#ifndef TERN_SPARSE_TABLE_H
#define TERN_SPARSE_TABLE_H

#include "quant/picker.h"
#include "runtime/status.h"

/* Up to which per cent of its blocks left a matrix of that shape is no slower than stored densely: of a bucket, or of
   the worst one when it is TERN_ANY_BUCKET. */
enum { TERN_ANY_BUCKET = -1 };
int tern_sparse_limit(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket);
/* About the time of stored blocks over that of dense storage: proportional to what is left (0 .. 1), 1 where the two
   cross, infinite where blocks never pay. */
double tern_sparse_cost(const struct tern_sparse_routes *r, enum tern_block_shape shape, int bucket, double left);
/* The shape of least cost for a matrix with left[shape] of its blocks, the larger blocks of equals. Dense storage is
   faster than it where its cost is above 1. */
enum tern_block_shape tern_sparse_best(const struct tern_sparse_routes *r, int bucket, const double *left);

/* Where two ways cross, in whole per cents of blocks left: up to there ratio[i] (time of the one over that of the
   other) at left[i] is at most 1, for all i; between the last such i and the next one by a straight line. 100: at all
   of them, 0: not at the first. left ascends. */
int tern_crossing(const double *left, const double *ratio, int n);

/* A table as text, as `tern bench --calibrate-sparse` writes it: lines of "SHAPE a a a a d d d d", where stored blocks
   run as they are and where they beat dense storage, below a head that says whose it is. */
struct tern_sparse_table {
    char version[16], cpu[128], isa[16];
    struct tern_sparse_routes routes;
};
/* What is wrong with the text; NULL: nothing. */
const char *tern_sparse_table_read(struct tern_sparse_table *out, const char *text);
/* Puts a text's table in the place of a built-in one for `isa`; text NULL: leaves it. TERN_USAGE: the text is malformed,
   or for another ISA or version. Whose CPU it is for the caller has seen to. */
tern_status tern_sparse_table_apply(struct tern_sparse_routes *routes, const char *text, const char *isa,
                                    tern_error *err);

#endif
