#include "quant/checkpoint_names.h"

#include <stdio.h>
#include <string.h>

/* With a task head the encoder is a member of the whole; saved alone it has no prefix. */
static const char *const prefixes[] = {"", "bert.", "distilbert.", "model."};
enum { N_PREFIXES = (int)(sizeof prefixes / sizeof prefixes[0]) };

/* The prefix of this file: where the word embeddings are. Settled once, so that two encoders in one file do not mix. */
static const char *file_prefix(const struct tern_safetensors *st)
{
    char name[128];
    for (int i = 0; i < N_PREFIXES; i++) {
        snprintf(name, sizeof name, "%sembeddings.word_embeddings.weight", prefixes[i]);
        if (tern_safetensors_find(st, name))
            return prefixes[i];
    }
    return "";
}

const struct tern_tensor *tern_part_find(const struct tern_safetensors *st, enum tern_architecture architecture,
                                         const struct tern_part *part, int32_t layer, int is_bias, char *shown,
                                         size_t capacity)
{
    const int is_bert = architecture == TERN_BERT;
    const char *stem = is_bert ? part->bert : part->distilbert;
    const char *prefix = file_prefix(st);
    /* DistilBERT's pre_classifier is a head's, BERT's pooler the encoder's */
    const int at_root = part->at_root || (!is_bert && strcmp(part->name, "pooler") == 0);
    const char *kinds[2] = {is_bias ? "bias" : "weight", is_bias ? "beta" : "gamma"};
    const struct tern_tensor *tensor = NULL;
    char in_layer[40] = "";

    if (!stem)
        return NULL;
    if (layer >= 0)
        snprintf(in_layer, sizeof in_layer, "%s.layer.%d.", is_bert ? "encoder" : "transformer", layer);
    /* TensorFlow's spelling survives in old norms; last comes the name that a message should show */
    for (int i = part->columns == 0 ? 1 : 0; i >= 0 && !tensor; i--) {
        snprintf(shown, capacity, "%s%s%s.%s", at_root ? "" : prefix, in_layer, stem, kinds[i]);
        tensor = tern_safetensors_find(st, shown);
        if (!tensor && at_root && *prefix) {
            char inside[256];
            snprintf(inside, sizeof inside, "%s%s", prefix, shown);
            tensor = tern_safetensors_find(st, inside);
        }
    }
    return tensor;
}
