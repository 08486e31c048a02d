/* The list of a model's parts as a table, and what follows from it: shapes, presence, names. */
#include "models/parts.h"

#include <stdio.h>
#include <string.h>

const struct tern_part tern_parts[TERN_N_PARTS] = {
#define TABLE(id, name, rows, columns)                                                                                 \
    {name, TERN_KIND_TABLE, TERN_PLACE_EMBEDDINGS, TERN_SIZE_##rows, TERN_SIZE_##columns, 0, TERN_N_INPUTS, 0},
#define POSITIONS(id, name, rows, columns)                                                                             \
    {name, TERN_KIND_TABLE, TERN_PLACE_POSITIONS, TERN_SIZE_##rows, TERN_SIZE_##columns, 0, TERN_N_INPUTS, 0},
#define LAYER_TABLE(id, name, rows, columns)                                                                           \
    {name, TERN_KIND_TABLE, TERN_PLACE_LAYER, TERN_SIZE_##rows, TERN_SIZE_##columns, TERN_##id, TERN_N_INPUTS, 0},
#define MODEL_NORM(id, name, width)                                                                                    \
    {name, TERN_KIND_NORM, TERN_PLACE_EMBEDDINGS, TERN_SIZE_##width, TERN_SIZE_NONE, 0, TERN_N_INPUTS, 0},
#define LAYER_NORM(id, name, width)                                                                                    \
    {name, TERN_KIND_NORM, TERN_PLACE_LAYER, TERN_SIZE_##width, TERN_SIZE_NONE, TERN_##id, TERN_N_INPUTS, 0},
#define LAYER_MATRIX(id, name, rows, columns, reads, ends)                                                             \
    {name,      TERN_KIND_MATRIX,   TERN_PLACE_LAYER, TERN_SIZE_##rows, TERN_SIZE_##columns,                           \
     TERN_##id, TERN_INPUT_##reads, TERN_END_##ends},
#define HEAD_NORM(id, name)                                                                                            \
    {name, TERN_KIND_NORM, TERN_PLACE_HEAD, TERN_SIZE_HEAD, TERN_SIZE_NONE, 0, TERN_N_INPUTS, 0},
#define HEAD(id, name, rows, columns, reads, ends)                                                                     \
    {name, TERN_KIND_MATRIX,   TERN_PLACE_HEAD, TERN_SIZE_##rows, TERN_SIZE_##columns,                                 \
     0,    TERN_INPUT_##reads, TERN_END_##ends},
#define MODULE_MATRIX(id, name, rows, columns, reads, ends)                                                            \
    {name, TERN_KIND_MATRIX,   TERN_PLACE_MODULE, TERN_SIZE_##rows, TERN_SIZE_##columns,                               \
     0,    TERN_INPUT_##reads, TERN_END_##ends},
#include "models/parts.def"
#undef TABLE
#undef POSITIONS
#undef MODEL_NORM
#undef LAYER_TABLE
#undef LAYER_NORM
#undef LAYER_MATRIX
#undef HEAD
#undef HEAD_NORM
#undef MODULE_MATRIX
};

const char *tern_input_name(enum tern_layer_input input)
{
    static const char *const names[TERN_N_INPUTS] = {"qkv",    "conv_point", "conv_kernel", "attn_out",
                                                     "ffn_up", "ffn_down",   "widen"};
    return names[input];
}

enum tern_end tern_part_ends(const struct tern_config *config, const struct tern_part *part)
{
    return tern_config_is_scaled(config) && part->ends != TERN_END_LOGITS ? TERN_END_SCALED : part->ends;
}

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
    case TERN_PART_POSITION: return !config->no_positions;
    case TERN_PART_EMBED_NORM: return !config->no_embed_norm;
    case TERN_PART_FOURIER: return tern_config_is_fourier(config);
    case TERN_PART_MIX: return config->trigram > 0;
    case TERN_PART_PROJECT: return config->embedding > 0;
    case TERN_PART_FINAL_NORM: return tern_config_is_pre_norm(config);
    case TERN_PART_POSITION_TABLE: return config->n_tables > 0;
    case TERN_PART_POOLER: return config->pooler != TERN_POOLER_NONE;
    case TERN_PART_POOLER_NORM: return config->pooler != TERN_POOLER_NONE && config->pooler_norm;
    case TERN_PART_CLASSIFIER: return config->head != TERN_HEAD_NONE;
    case TERN_PART_DENSE: return config->n_dense > 0;
    }
    return 1;
}

int tern_part_count(const struct tern_config *config, const struct tern_part *part)
{
    if (part->place == TERN_PLACE_LAYER)
        return config->layers;
    if (part->place == TERN_PLACE_POSITIONS)
        return config->n_tables;
    return part->place == TERN_PLACE_MODULE ? config->n_dense : tern_part_present(config, part);
}

int tern_part_owned(const struct tern_config *config, const struct tern_part *part, int i)
{
    if (part->place != TERN_PLACE_LAYER)
        return 1;
    if (part->kind == TERN_KIND_NORM && part->index == TERN_ATTN_NORM &&
        (config->layer[i].skip_norm || (!config->layer[i].heads && config->layer[i].mixer == TERN_MIXER_SOFTMAX)))
        return 0;
    return config->layer[i].weights == i && tern_part_shape(config, part, i).n > 0;
}

static struct tern_shape table_shape(const struct tern_config *config, int i)
{
    const struct tern_table_spec *t = &config->table[i];
    if (t->kind == TERN_POSITION_ROTARY)
        return (struct tern_shape){config->max_positions, 2 * t->half};
    if (t->kind == TERN_POSITION_ALIBI)
        return (struct tern_shape){t->heads, 1};
    return (struct tern_shape){t->kind == TERN_POSITION_BIAS ? t->heads : 1, 2 * config->max_positions - 1};
}

/* Rows of a layer's table of distances, for queries' products or keys'. */
static int32_t distance_rows(const struct tern_config *config, int layer, int of_keys)
{
    const struct tern_layer_spec *l = &config->layer[layer];
    const struct tern_table_spec *t = &config->table[l->table];
    return l->position == TERN_POSITION_DISENTANGLED && (of_keys ? t->p2c : t->c2p) ? 2 * t->span : 0;
}

static int32_t dimension(const struct tern_config *config, enum tern_size size, int layer)
{
    /* Parts that belong to no layer are asked for with -1; none of their sizes is a layer's. */
    const struct tern_layer_spec *const l = &config->layer[layer > 0 ? layer : 0];
    switch (size) {
#define SIZE(id, value)                                                                                                \
    case TERN_SIZE_##id:                                                                                               \
        return value;
#include "models/sizes.def"
#undef SIZE
    case TERN_SIZE_NONE: break;
    }
    return 0;
}

struct tern_shape tern_part_shape(const struct tern_config *config, const struct tern_part *part, int layer)
{
    const struct tern_shape shape = {dimension(config, part->rows, layer), dimension(config, part->columns, layer)};
    /* Of attention that is not there, or a matrix that the layer does without. */
    const int none = part->place == TERN_PLACE_LAYER && part->columns && (!shape.n || !shape.k);
    return none ? (struct tern_shape){0, 0} : shape;
}

enum tern_layer_input tern_first_input(const struct tern_config *config, int layer)
{
    const struct tern_layer_spec *l = &config->layer[layer];
    return layer < config->layers && !l->heads && l->mixer == TERN_MIXER_SOFTMAX ? TERN_INPUT_FFN_UP : TERN_INPUT_QKV;
}

int tern_ffn_may_narrow(const struct tern_config *config, int layer)
{
    return tern_first_input(config, layer) != TERN_INPUT_FFN_UP && !tern_config_is_scaled(config);
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
    int32_t widest = 3 * config->trigram > config->hidden ? 3 * config->trigram : config->hidden;
    for (int layer = 0; layer < config->layers; layer++)
        for (int input = 0; input < TERN_N_INPUTS; input++) {
            const int32_t width = tern_input_width(config, layer, (enum tern_layer_input)input);
            widest = width > widest ? width : widest;
        }
    return widest;
}

/* Places in struct tern_layer_spec's ranks, plus 1; 0: none. */
static const int8_t rank_places[TERN_N_MATRICES] = {
    [TERN_QUERY] = 1,  [TERN_KEY] = 2,      [TERN_VALUE] = 3,   [TERN_ATTN_OUT] = 4,
    [TERN_FFN_UP] = 5, [TERN_FFN_GATE] = 6, [TERN_FFN_DOWN] = 7};

int32_t *tern_rank_of(struct tern_layer_spec *layer, enum tern_matrix matrix)
{
    return rank_places[matrix] ? &layer->rank[rank_places[matrix] - 1] : NULL;
}

int32_t tern_matrix_rank(const struct tern_config *config, enum tern_matrix matrix, int layer)
{
    return rank_places[matrix] ? config->layer[layer].rank[rank_places[matrix] - 1] : 0;
}

int32_t tern_most_rank(const struct tern_config *config)
{
    int32_t most = 0;
    for (int i = 0; i < config->layers * TERN_N_RANKS; i++) {
        const int32_t rank = config->layer[i / TERN_N_RANKS].rank[i % TERN_N_RANKS];
        most = rank > most ? rank : most;
    }
    return most;
}

void tern_inner_name(char out[TERN_INNER_NAME], const struct tern_part *part)
{
    snprintf(out, TERN_INNER_NAME, "%s.inner", part->name);
}

int32_t tern_score_divisor(const struct tern_config *config, int layer)
{
    return config->layer[layer].head_dim *
           (1 + (distance_rows(config, layer, 0) > 0) + (distance_rows(config, layer, 1) > 0));
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

/* By enum tern_part_place. */
static const char *const prefixes[] = {[TERN_PLACE_EMBEDDINGS] = "",
                                       [TERN_PLACE_POSITIONS] = "positions.",
                                       [TERN_PLACE_LAYER] = "layer.",
                                       [TERN_PLACE_HEAD] = "",
                                       [TERN_PLACE_MODULE] = "module."};

void tern_part_prefix(char out[TERN_PREFIX], const struct tern_part *part, int layer)
{
    if (*prefixes[part->place])
        snprintf(out, TERN_PREFIX, "%s%d.", prefixes[part->place], layer);
    else
        out[0] = 0;
}

void tern_key_name(char out[TERN_KEY_NAME], struct tern_key key)
{
    const struct tern_part *part = &tern_parts[key.part];
    char prefix[TERN_PREFIX];
    tern_part_prefix(prefix, part, key.layer);
    snprintf(out, TERN_KEY_NAME, "%s%s%s.%s", prefix, part->name, key.inner ? ".inner" : "",
             key.is_bias ? "bias" : "weight");
}

/* "layer.12.rest" with its prefix "layer.": the number, and *rest behind it; -1 if it is not spelled like that. */
static int parse_layer(const char *name, const char *prefix, const char **rest)
{
    const size_t n = strlen(prefix);
    const char *s = name + n;
    int layer = 0;
    if (strncmp(name, prefix, n))
        return -1;
    for (; *s >= '0' && *s <= '9' && layer < TERN_MAX_LAYERS; s++)
        layer = layer * 10 + (*s - '0');
    if (s == name + n || *s != '.' || layer >= TERN_MAX_LAYERS)
        return -1;
    *rest = s + 1;
    return layer;
}

int tern_key_parse(struct tern_key *out, const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || (strcmp(dot, ".weight") && strcmp(dot, ".bias")))
        return 0;
    const int is_bias = dot[1] == 'b', inner = dot - name > 6 && !memcmp(dot - 6, ".inner", 6);
    dot -= inner ? 6 : 0;
    for (int i = 0; i < TERN_N_PARTS; i++) {
        const struct tern_part *part = &tern_parts[i];
        const char *const prefix = prefixes[part->place], *rest = name;
        const int layer = *prefix ? parse_layer(name, prefix, &rest) : -1;
        const size_t n = strlen(part->name);
        if ((layer >= 0) == (*prefix != 0) && rest <= dot && n == (size_t)(dot - rest) &&
            !memcmp(part->name, rest, n) && !(is_bias && part->kind == TERN_KIND_TABLE) &&
            !(inner && (part->kind != TERN_KIND_MATRIX || part->place != TERN_PLACE_LAYER))) {
            *out = (struct tern_key){(enum tern_part_id)i, layer, is_bias, inner};
            return 1;
        }
    }
    return 0;
}
