/* Disentangled attention (DeBERTa): what a layer's queries and keys are multiplied by for each distance. These are
   constants: the checkpoint's vectors of distances, perhaps behind a LayerNorm, through matrices of the layer. */
#ifndef TERN_DISTANCES_H
#define TERN_DISTANCES_H

#include "quant/checkpoint.h"

/* The row of 2 span that belongs to a distance, key minus query: it grows by 0 or 1 from one distance to the next. */
int tern_distance_row(const struct tern_table_spec *table, int distance);
/* Whether it does so for all distances below max_positions. */
int tern_distance_rows_fit(const struct tern_table_spec *table, int max_positions);

/* Checks the vectors and their LayerNorm, and marks them as used. TERN_FORMAT: they are missing, or of another shape.
 */
tern_status tern_distances_check(const struct tern_checkpoint *checkpoint, int table, uint8_t *used, const char *path,
                                 tern_error *err);
/* out[2 span][attention width], what queries (TERN_PART_POSITION_KEY) or keys (TERN_PART_POSITION_QUERY) of layer
   key.layer are multiplied by. `count` is its size. */
tern_status tern_distances_make(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out, size_t count,
                                tern_error *err);

#endif
