/* The weights of sentence-transformers' Dense modules, each of which has a folder of its own. */
#ifndef TERN_DENSE_FILES_H
#define TERN_DENSE_FILES_H

#include "models/sentence_folder.h"
#include "quant/checkpoint.h"

/* Opens and checks the weights of the config's dense layers. On failure tern_dense_files_close must still be called. */
tern_status tern_dense_files_open(struct tern_checkpoint *c, const struct tern_sentence_folder *folder,
                                  tern_error *err);
/* Marks the tensor that is a dense layer's among the encoder's. */
void tern_dense_mark_beside(const struct tern_checkpoint *c, uint8_t *used);
void tern_dense_files_close(struct tern_checkpoint *c);
/* The weight or the bias of a dense layer; NULL for the bias of one that has none. */
const struct tern_tensor *tern_dense_find(const struct tern_checkpoint *c, struct tern_key key);

#endif
