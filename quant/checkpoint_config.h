/* A Hugging Face checkpoint's configuration. */
#ifndef TERN_CHECKPOINT_CONFIG_H
#define TERN_CHECKPOINT_CONFIG_H

#include "models/config.h"

/* Reads config.json, 1_Pooling/config.json, modules.json (a Normalize module), sentence_bert_config.json and
   tokenizer_config.json (model_max_length) of a checkpoint directory. has_pooler and n_labels are settled later from
   the tensors that are there. A config that is not BERT or DistilBERT, or asks for what Tern cannot do (relative
   positions, an unknown activation, hidden not divisible by heads), is TERN_FORMAT and the message says which. */
tern_status tern_config_read_checkpoint(struct tern_config *out, const char *directory, tern_error *err);

#endif
