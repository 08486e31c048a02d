#include "models/parts.h"

#include <string.h>

/* name, bert, distilbert, rows, columns, has_bias, in_layer, at_root, optional */
const struct tern_part tern_parts[TERN_N_PARTS] = {
    {"embed.word", "embeddings.word_embeddings", "embeddings.word_embeddings", 'v', 'h', 0, 0, 0, 0},
    {"embed.position", "embeddings.position_embeddings", "embeddings.position_embeddings", 'p', 'h', 0, 0, 0, 0},
    {"embed.type", "embeddings.token_type_embeddings", NULL, 't', 'h', 0, 0, 0, 0},
    {"embed.norm", "embeddings.LayerNorm", "embeddings.LayerNorm", 'h', 0, 1, 0, 0, 0},
    {"query", "attention.self.query", "attention.q_lin", 'h', 'h', 1, 1, 0, 0},
    {"key", "attention.self.key", "attention.k_lin", 'h', 'h', 1, 1, 0, 0},
    {"value", "attention.self.value", "attention.v_lin", 'h', 'h', 1, 1, 0, 0},
    {"attn_out", "attention.output.dense", "attention.out_lin", 'h', 'h', 1, 1, 0, 0},
    {"attn_norm", "attention.output.LayerNorm", "sa_layer_norm", 'h', 0, 1, 1, 0, 0},
    {"ffn_up", "intermediate.dense", "ffn.lin1", 'i', 'h', 1, 1, 0, 0},
    {"ffn_down", "output.dense", "ffn.lin2", 'h', 'i', 1, 1, 0, 0},
    {"ffn_norm", "output.LayerNorm", "output_layer_norm", 'h', 0, 1, 1, 0, 0},
    {"pooler", "pooler.dense", "pre_classifier", 'h', 'h', 1, 0, 0, 1},
    {"classifier", "classifier", "classifier", 'l', 'h', 1, 0, 1, 1},
};

/* "layer.12.rest": the number, and *rest behind it; -1 if it is not spelled like that. */
static int32_t parse_layer(const char *name, const char **rest)
{
    int32_t layer = 0;
    const char *s = name + strlen("layer.");

    if (strncmp(name, "layer.", strlen("layer.")) != 0)
        return -1;
    for (; *s >= '0' && *s <= '9' && layer < TERN_MAX_LAYERS; s++)
        layer = layer * 10 + (*s - '0');
    if (s == name + strlen("layer.") || *s != '.' || layer >= TERN_MAX_LAYERS)
        return -1;
    *rest = s + 1;
    return layer;
}

const struct tern_part *tern_part_parse(const char *name, int32_t *layer, int *is_bias)
{
    const char *rest = name, *dot;

    *layer = parse_layer(name, &rest);
    dot = strrchr(rest, '.');
    if (!dot || (strcmp(dot, ".weight") != 0 && strcmp(dot, ".bias") != 0))
        return NULL;
    *is_bias = dot[1] == 'b';
    for (int i = 0; i < TERN_N_PARTS; i++) {
        const struct tern_part *part = &tern_parts[i];
        size_t n = strlen(part->name);
        if (n == (size_t)(dot - rest) && memcmp(part->name, rest, n) == 0 && part->in_layer == (*layer >= 0))
            return *is_bias && !part->has_bias ? NULL : part;
    }
    return NULL;
}

int32_t tern_part_dimension(const struct tern_config *config, char letter)
{
    switch (letter) {
    case 'h': return config->hidden;
    case 'i': return config->intermediate;
    case 'v': return config->vocab;
    case 'p': return config->max_positions;
    case 't': return config->token_types;
    case 'l': return config->n_labels;
    }
    return 0;
}
