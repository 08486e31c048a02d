/* The list of a model's parts as a table, and what follows from it: shapes, presence, names. */
#include "models/parts.h"

#include <stdio.h>
#include <string.h>

const struct tern_part tern_parts[TERN_N_PARTS] = {
#define TABLE(id, name, rows) {name, TERN_KIND_TABLE, TERN_PLACE_EMBEDDINGS, rows, 'h', 0, TERN_N_INPUTS, 0},
#define MODEL_NORM(id, name) {name, TERN_KIND_NORM, TERN_PLACE_EMBEDDINGS, 'h', 0, 0, TERN_N_INPUTS, 0},
#define LAYER_NORM(id, name) {name, TERN_KIND_NORM, TERN_PLACE_LAYER, 'h', 0, TERN_##id, TERN_N_INPUTS, 0},
#define LAYER_MATRIX(id, name, rows, columns, reads, ends)                                                             \
    {name, TERN_KIND_MATRIX, TERN_PLACE_LAYER, rows, columns, TERN_##id, TERN_INPUT_##reads, TERN_END_##ends},
#define HEAD(id, name, rows, columns, reads, ends)                                                                     \
    {name, TERN_KIND_MATRIX, TERN_PLACE_HEAD, rows, columns, 0, TERN_INPUT_##reads, TERN_END_##ends},
#include "models/parts.def"
#undef TABLE
#undef MODEL_NORM
#undef LAYER_NORM
#undef LAYER_MATRIX
#undef HEAD
};

const struct tern_part *tern_matrix_part(enum tern_matrix matrix)
{
    const struct tern_part *part = tern_parts;
    while (part->kind != TERN_KIND_MATRIX || part->place != TERN_PLACE_LAYER || part->index != (int)matrix)
        part++;
    return part;
}

int tern_part_present(const struct tern_config *config, const struct tern_part *part)
{
    switch (part - tern_parts) {
    case TERN_PART_TYPE: return config->token_types > 0;
    case TERN_PART_POOLER: return config->pooler != TERN_POOLER_NONE;
    case TERN_PART_CLASSIFIER: return config->head != TERN_HEAD_NONE;
    }
    return 1;
}

static int32_t dimension(const struct tern_config *config, char letter, int layer)
{
    switch (letter) {
    case 'h': return config->hidden;
    case 'a': return tern_attention_width(&config->layer[layer]);
    case 'i': return config->layer[layer].intermediate;
    case 'v': return config->vocab;
    case 'p': return config->max_positions;
    case 't': return config->token_types;
    case 'l': return config->n_labels;
    }
    return 0;
}

struct tern_shape tern_part_shape(const struct tern_config *config, const struct tern_part *part, int layer)
{
    return (struct tern_shape){dimension(config, part->rows, layer), dimension(config, part->columns, layer)};
}

int32_t tern_input_width(const struct tern_config *config, int layer, enum tern_layer_input input)
{
    const struct tern_part *part = tern_parts;
    while (part->reads != input)
        part++;
    return tern_part_shape(config, part, layer).k;
}

int32_t tern_widest_input(const struct tern_config *config)
{
    int32_t widest = config->hidden;
    for (int layer = 0; layer < config->layers; layer++)
        for (int input = 0; input < TERN_N_INPUTS; input++) {
            const int32_t width = tern_input_width(config, layer, (enum tern_layer_input)input);
            widest = width > widest ? width : widest;
        }
    return widest;
}

int32_t tern_widest_attention(const struct tern_config *config)
{
    int32_t widest = 0;
    for (int layer = 0; layer < config->layers; layer++) {
        const int32_t width = tern_attention_width(&config->layer[layer]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

struct tern_shape tern_matrix_shape(const struct tern_config *config, int index)
{
    const struct tern_part *part = tern_matrix_part((enum tern_matrix)(index % TERN_N_MATRICES));
    return tern_part_shape(config, part, index / TERN_N_MATRICES);
}

int32_t tern_largest_number(const struct tern_config *config, size_t offset)
{
    int32_t largest = 0;
    for (int i = 0; i < config->layers; i++) {
        const int32_t value = *(const int32_t *)(const void *)((const char *)&config->layer[i] + offset);
        largest = value > largest ? value : largest;
    }
    return largest;
}

size_t tern_largest_matrix(const struct tern_config *config)
{
    size_t largest = 0;
    for (int i = 0; i < config->layers * TERN_N_MATRICES; i++) {
        const struct tern_shape s = tern_matrix_shape(config, i);
        const size_t size = (size_t)s.n * (size_t)s.k;
        largest = size > largest ? size : largest;
    }
    return largest;
}

void tern_key_name(char out[TERN_KEY_NAME], struct tern_key key)
{
    const struct tern_part *part = &tern_parts[key.part];
    const char *suffix = key.is_bias ? "bias" : "weight";
    if (part->place == TERN_PLACE_LAYER)
        snprintf(out, TERN_KEY_NAME, "layer.%d.%s.%s", key.layer, part->name, suffix);
    else
        snprintf(out, TERN_KEY_NAME, "%s.%s", part->name, suffix);
}

/* "layer.12.rest": the number, and *rest behind it; -1 if it is not spelled like that. */
static int parse_layer(const char *name, const char **rest)
{
    static const char prefix[] = "layer.";
    const char *s = name + sizeof prefix - 1;
    int layer = 0;
    if (strncmp(name, prefix, sizeof prefix - 1))
        return -1;
    for (; *s >= '0' && *s <= '9' && layer < TERN_MAX_LAYERS; s++)
        layer = layer * 10 + (*s - '0');
    if (s == name + sizeof prefix - 1 || *s != '.' || layer >= TERN_MAX_LAYERS)
        return -1;
    *rest = s + 1;
    return layer;
}

int tern_key_parse(struct tern_key *out, const char *name)
{
    const char *rest = name;
    const int layer = parse_layer(name, &rest);
    const char *dot = strrchr(rest, '.');
    if (!dot || (strcmp(dot, ".weight") && strcmp(dot, ".bias")))
        return 0;
    const int is_bias = dot[1] == 'b';
    for (int i = 0; i < TERN_N_PARTS; i++) {
        const struct tern_part *part = &tern_parts[i];
        const size_t n = strlen(part->name);
        if (n == (size_t)(dot - rest) && !memcmp(part->name, rest, n) &&
            (part->place == TERN_PLACE_LAYER) == (layer >= 0) && !(is_bias && part->kind == TERN_KIND_TABLE)) {
            *out = (struct tern_key){(enum tern_part_id)i, layer, is_bias};
            return 1;
        }
    }
    return 0;
}
