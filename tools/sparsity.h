/* How sparse a model's layers are. */
#ifndef TERN_TOOLS_SPARSITY_H
#define TERN_TOOLS_SPARSITY_H

#include "runtime/tern.h"

/* "16x4:0.800", the shape of the blocks ("mixed" when there are several) and the part of the layers' weights that lies
   in blocks that are not stored; "none". For the benchmark's records. */
void sparsity_name(char *out, size_t capacity, const tern_model *model);
/* The same for a person. */
void sparsity_text(char *out, size_t capacity, const tern_model *model);

#endif
