/* Finds the tensors of a checkpoint by the names of its family. */
#include "quant/checkpoint_names.h"

#include "models/config_private.h"
#include "quant/families.h"

#include <stdio.h>

enum { MAX_PREFIX = 40 };

/* The prefix of this file: where the word embeddings are. With a task head the encoder is a member of the whole, called
   as its family or "model"; saved alone it has no prefix. Settled once, so that two encoders in one file do not mix. */
static void file_prefix(char out[MAX_PREFIX], const struct tern_safetensors *st, const char *word)
{
    char name[128];
    for (int i = -1; i <= TERN_N_FAMILIES; i++) {
        const char *const whole = i < 0 ? "" : i < TERN_N_FAMILIES ? tern_families[i].name : "model";
        snprintf(out, MAX_PREFIX, "%s%s", whole, *whole ? "." : "");
        snprintf(name, sizeof name, "%s%s.weight", out, word);
        if (tern_safetensors_find(st, name))
            return;
    }
    out[0] = 0;
}

const struct tern_tensor *tern_part_find(const struct tern_safetensors *st, enum tern_architecture architecture,
                                         struct tern_key key, char *shown, size_t capacity)
{
    const struct tern_checkpoint_family *family = &tern_checkpoint_families[architecture];
    const char *stem = family->stem[key.part];
    const int at_root = key.part == TERN_PART_CLASSIFIER || (key.part == TERN_PART_POOLER && family->pooler_at_root);
    const char *kinds[2] = {key.is_bias ? "bias" : "weight", key.is_bias ? "beta" : "gamma"};
    const struct tern_tensor *tensor = NULL;
    char in_layer[40] = "", prefix[MAX_PREFIX];

    if (!stem)
        return NULL;
    file_prefix(prefix, st, family->stem[TERN_PART_WORD]);
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
