/* What stands in place of softmax attention over all tokens, in the config.json of BERT and what shares its layers. */
#ifndef TERN_MIXER_KEYS_H
#define TERN_MIXER_KEYS_H

#include "models/config.h"

#include <jansson.h>

/* The keys of config.json that tern_read_mixers honours:
     attention_window   tokens that a token sees on both sides together, an even number, as Longformer's; null: all
     attention_kind     "softmax" or "linear" (models/linear_attention.h)
     feature_map        of linear attention: "elu", "relu" or "cosformer"
   The first two may be lists with a value for each layer. */
#define TERN_MIXER_KEYS "attention_window", "attention_kind", "feature_map"
/* After the sizes. */
tern_status tern_read_mixers(struct tern_config *out, const json_t *root, const char *path, tern_error *err);
/* attention_window alone; `usual` is null's, 0: all tokens. */
tern_status tern_read_windows(struct tern_config *out, const json_t *root, int32_t usual, const char *path,
                              tern_error *err);

#endif
