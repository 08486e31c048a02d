/* How sparse a model's layers are. */
#ifndef TERN_TOOLS_SPARSITY_H
#define TERN_TOOLS_SPARSITY_H

#include "runtime/base/tern.h"

#include <stdio.h>

/* "16x4:0.800", the shape of the blocks ("mixed" when there are several) and the part of the layers' weights that lies
   in blocks that are not stored; "none". For the benchmark's records. */
void sparsity_name(char *out, size_t capacity, const tern_model *model);
/* The same for a person. */
void sparsity_text(char *out, size_t capacity, const tern_model *model);

/* What a session on the model should go by: the table measured on this machine, when the model is sparse and there is
   one (sparse_cache_text); else NULL. */
const char *sparsity_table(const tern_model *model, const char *isa);

/* How the layers' matrices of each kind meet `rows` rows under a session's ISA and table: a person's table, or a JSON
   array. Nothing for a model that is not sparse. */
void sparsity_print_ways(FILE *out, const tern_model *model, const char *isa, int rows, int json);

#endif
