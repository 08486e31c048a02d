/* A Hugging Face checkpoint's configuration. */
#ifndef TERN_CHECKPOINT_CONFIG_H
#define TERN_CHECKPOINT_CONFIG_H

#include "quant/purpose.h"

/* Reads config.json of a checkpoint directory, and what sentence_files.h names, and settles the purpose. has_pooler,
   n_labels and output are settled later from the tensors that are there. A config that is not BERT or DistilBERT, or
   asks for what Tern cannot do (relative positions, an unknown activation, hidden not divisible by heads), is
   TERN_FORMAT and the message says which. */
tern_status tern_config_read_checkpoint(struct tern_config *out, struct tern_purpose *purpose, const char *directory,
                                        tern_error *err);

#endif
