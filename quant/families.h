/* Families of Hugging Face checkpoints: how each calls the parts of models/parts.def and the keys of config.json. */
#ifndef TERN_FAMILIES_H
#define TERN_FAMILIES_H

#include "models/parts.h"

#include <jansson.h>

struct tern_checkpoint_family {
    const char *class;  /* what its classes' names begin with, "Bert": BertModel, BertForSequenceClassification */
    const char *layer;  /* printf format of a layer's prefix: "encoder.layer.%d." */
    int pooler_at_root; /* the pooler is the head's, outside of the encoder's prefix */
    const char *stem[TERN_N_PARTS]; /* names without prefixes and ".weight"; NULL: the family has no such part */
    /* Fills sizes, layers, pooler and activation of `out` from config.json's object. `path` is for messages. */
    tern_status (*read)(struct tern_config *out, const json_t *root, const char *path, tern_error *err);
};

extern const struct tern_checkpoint_family tern_checkpoint_families[TERN_N_FAMILIES];

#endif
