/* Embeddings of another width than the model's whose matrix comes in front of their norm: as it has no bias and a sum
   comes before it, a conversion multiplies the tables by it once and for all. */
#ifndef TERN_FOLDED_EMBEDDINGS_H
#define TERN_FOLDED_EMBEDDINGS_H

#include "quant/checkpoint.h"

/* Whether the part is such a table. */
int tern_is_folded(const struct tern_config *config, enum tern_part_id part);
/* Checks the matrix, and marks it as used. TERN_FORMAT: it is missing, or of another shape. */
tern_status tern_folded_check(const struct tern_checkpoint *checkpoint, uint8_t *used, const char *path,
                              tern_error *err);
/* out[count], count = rows * hidden, of a table [rows][config.folded]. TERN_FORMAT: a number is not finite. */
tern_status tern_fold_embeddings(const struct tern_checkpoint *checkpoint, const struct tern_tensor *table, float *out,
                                 size_t count, tern_error *err);

#endif
