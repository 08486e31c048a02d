/* Checkpoints of static embeddings: model2vec's StaticModel and sentence-transformers' StaticEmbedding. */
#ifndef TERN_STATIC_TABLE_H
#define TERN_STATIC_TABLE_H

#include "models/config.h"
#include "models/sentence_folder.h"
#include "quant/weight_files.h"

/* Fills `out` from the table's shape, and from config.json's object where model2vec has one. TERN_FORMAT, TERN_IO. */
tern_status tern_static_config(struct tern_config *out, const struct tern_sentence_folder *folder, const json_t *root,
                               const char *path, tern_error *err);
/* Checks the tensors that the table is made of, and marks them as used. */
tern_status tern_static_check(const struct tern_weight_files *files, const struct tern_config *config, uint8_t *used,
                              tern_error *err);
/* out[vocab][hidden], count numbers: the row of each token, by the mapping, times its weight, where there are such. */
tern_status tern_static_read(const struct tern_weight_files *files, const struct tern_config *config, float *out,
                             size_t count, tern_error *err);

#endif
