/* What `tern bench --calibrate-sparse` has measured on this machine, in $XDG_CACHE_HOME/tern or $HOME/.cache/tern. */
#ifndef TERN_SPARSE_CACHE_H
#define TERN_SPARSE_CACHE_H

#include "models/sparse_table.h"

/* The table for an ISA (NULL: the one that --isa or TERN_ISA leave in force) as text, for the options of a session or a
   conversion; owned by this file. NULL when there is none. One that cannot be read, is malformed, or was measured on
   another CPU or by another version is none either, after one warning. */
const char *sparse_cache_text(const char *isa);
/* Where it is. -1: there is no such place. */
int sparse_cache_path(char *out, size_t capacity, const char *isa);
/* Writes it, and makes its folders. Returns an exit code. */
int sparse_cache_write(const char *isa, const struct tern_sparse_routes *routes);

/* The name of the ISA in force under `isa`; NULL when that is refused. */
const char *sparse_cache_isa(const char *isa);

#endif
