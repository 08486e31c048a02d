/* Matrices that a checkpoint gives as two of lower rank, as SVD tools leave them (names: quant/checkpoint_names.c). */
#ifndef TERN_LOW_RANK_H
#define TERN_LOW_RANK_H

#include "quant/checkpoint.h"

/* The rank of a key's matrix; 0: it is one matrix, or none. */
int32_t tern_key_rank(const struct tern_config *config, struct tern_key key);
/* Whether the checkpoint gives that layer's matrix as two. */
int tern_is_pair(const struct tern_checkpoint *checkpoint, enum tern_part_id part, int layer);
/* Finds the pairs, and puts their ranks into the config where two matrices have fewer weights than their product; the
   others are multiplied while they are read. Both are said aloud. TERN_FORMAT. */
tern_status tern_pairs_settle(struct tern_checkpoint *checkpoint, const tern_convert_options *options, tern_error *err);
/* Checks the tensors of a pair, and marks them as used. */
tern_status tern_pair_check(const struct tern_checkpoint *checkpoint, enum tern_part_id part, int layer, uint8_t *used,
                            const char *path, tern_error *err);
/* out[count]: weight or bias of the product. */
tern_status tern_pair_multiply(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out, size_t count,
                               tern_error *err);

#endif
