/* The table of where the ways to multiply a block-sparse matrix cross on a machine, as text. The numbers in it come
   from quant/sparse_costs.h. */
#ifndef TERN_SPARSE_TABLE_H
#define TERN_SPARSE_TABLE_H

#include "runtime/base/status.h"
#include "simd/sparse_routes.h"

/* A table as text, as `tern bench --calibrate-sparse` writes it: lines of "SHAPE a a a a d d d d", where stored blocks
   run as they are and where they beat dense storage, below a head that says whose it is. */
struct tern_sparse_table {
    char version[16], cpu[128], isa[16];
    struct tern_sparse_routes routes;
};
/* What is wrong with the text; NULL: nothing. */
const char *tern_sparse_table_read(struct tern_sparse_table *out, const char *text);
/* Puts a text's table in the place of a built-in one for `isa`; text NULL: leaves it. TERN_USAGE: the text is
   malformed, or for another ISA or version. Whose CPU it is for the caller has seen to. */
tern_status tern_sparse_table_apply(struct tern_sparse_routes *routes, const char *text, const char *isa,
                                    tern_error *err);

#endif
