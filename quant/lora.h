/* Adapters of low rank that stand beside the weights they change, one for each task (Jina's parametrizations). */
#ifndef TERN_LORA_H
#define TERN_LORA_H

#include "quant/checkpoint.h"

/* Reads lora_adaptations, lora_rank and lora_alpha. */
tern_status tern_lora_read_config(struct tern_config *out, const json_t *root, const char *path, tern_error *err);
/* Gives weights under adapters the names that they have without: X.parametrizations.weight.original is X.weight. */
void tern_lora_rename(struct tern_checkpoint *checkpoint);
/* Checks the shapes of all adapters' tensors, marks those of tensors that are used, and, where an adapter was chosen,
   that there is any. */
tern_status tern_lora_check(const struct tern_checkpoint *checkpoint, uint8_t *used, const char *path, tern_error *err);
/* Adds what the chosen adapter adds to out[count], those rows of the weight `t` that begin where rows->data does.
   Nothing where no adapter was chosen, or it does not change that weight. TERN_NOMEM. */
tern_status tern_lora_add(const struct tern_checkpoint *checkpoint, const struct tern_tensor *t,
                          const struct tern_tensor *rows, float *out, size_t count, tern_error *err);

#endif
