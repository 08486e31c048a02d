/* `tern bench --calibrate-sparse` */
#ifndef TERN_CALIBRATE_SPARSE_H
#define TERN_CALIBRATE_SPARSE_H

/* Measures on one thread, under `isa` or what is in force, where stored blocks, expanded blocks and dense weights
   cross; writes the table to the cache and prints its rows for simd/sparse.def. Returns an exit code. */
int calibrate_sparse(const char *isa);

#endif
