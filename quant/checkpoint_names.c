/* Finds the tensors of a checkpoint by the names of its family. */
#include "quant/checkpoint_names.h"

#include "quant/families.h"

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
                                         struct tern_key key, char *shown, size_t capacity)
{
    const struct tern_checkpoint_family *family = &tern_checkpoint_families[architecture];
    const char *stem = family->stem[key.part], *prefix = file_prefix(st);
    const int at_root = key.part == TERN_PART_CLASSIFIER || (key.part == TERN_PART_POOLER && family->pooler_at_root);
    const char *kinds[2] = {key.is_bias ? "bias" : "weight", key.is_bias ? "beta" : "gamma"};
    const struct tern_tensor *tensor = NULL;
    char in_layer[40] = "";

    if (!stem)
        return NULL;
    if (tern_parts[key.part].place == TERN_PLACE_LAYER)
        snprintf(in_layer, sizeof in_layer, family->layer, key.layer);
    /* TensorFlow's spelling survives in old norms; last comes the name that a message should show */
    for (int i = tern_parts[key.part].kind == TERN_KIND_NORM ? 1 : 0; i >= 0 && !tensor; i--) {
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
