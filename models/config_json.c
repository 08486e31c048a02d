/* The configuration as the one JSON object of a .tern file's metadata. */
#include "models/config_private.h"
#include "models/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The integer fields as the object has them, all layers alike. */
struct flat {
    int32_t layers, hidden, heads, intermediate, vocab, max_positions, token_types, max_tokens;
};

/* With their limits: writer and reader go through the same list. A model whose layers differ has "layer" instead of
   the keys that are `of_layers`. */
static const struct {
    const char *key;
    size_t offset;
    int32_t min, max;
    int of_layers;
} integers[] = {
    {"layers", offsetof(struct flat, layers), 0, TERN_MAX_LAYERS, 0},
    {"hidden", offsetof(struct flat, hidden), 1, TERN_MAX_HIDDEN, 0},
    {"heads", offsetof(struct flat, heads), 1, TERN_MAX_HIDDEN, 1},
    {"intermediate", offsetof(struct flat, intermediate), 1, TERN_MAX_INTERMEDIATE, 1},
    {"vocab", offsetof(struct flat, vocab), 1, TERN_MAX_VOCAB, 0},
    {"max_positions", offsetof(struct flat, max_positions), TERN_MIN_TOKENS, TERN_MAX_POSITIONS, 0},
    {"token_types", offsetof(struct flat, token_types), 0, TERN_MAX_TYPES, 0},
    {"max_tokens", offsetof(struct flat, max_tokens), TERN_MIN_TOKENS, TERN_MAX_POSITIONS, 0},
};

/* The numbers of one layer, the same way; optional ones are 0 where they are not named. */
static const struct {
    const char *key;
    size_t offset;
    int32_t min, max;
    int optional;
} layer_integers[] = {
    {"heads", offsetof(struct tern_layer_spec, heads), 0, TERN_MAX_HIDDEN, 0},
    {"head_dim", offsetof(struct tern_layer_spec, head_dim), 0, TERN_MAX_HEAD_DIM, 0},
    {"intermediate", offsetof(struct tern_layer_spec, intermediate), 1, TERN_MAX_INTERMEDIATE, 0},
    {"before", offsetof(struct tern_layer_spec, before), 0, TERN_ALL_TOKENS, 0},
    {"after", offsetof(struct tern_layer_spec, after), 0, TERN_ALL_TOKENS, 0},
    {"conv", offsetof(struct tern_layer_spec, conv), 0, TERN_MAX_CONV, 1},
    {"value_conv", offsetof(struct tern_layer_spec, value_conv), 0, TERN_MAX_CONV, 1},
    {"width", offsetof(struct tern_layer_spec, width), 0, TERN_MAX_HIDDEN, 1},
    {"narrow", offsetof(struct tern_layer_spec, narrow), 0, 1, 1},
    {"widen", offsetof(struct tern_layer_spec, widen), 0, 1, 1},
    {"table", offsetof(struct tern_layer_spec, table), 0, TERN_MAX_TABLES - 1, 1},
    {"skip_norm", offsetof(struct tern_layer_spec, skip_norm), 0, 1, 1},
    {"global", offsetof(struct tern_layer_spec, global), 0, 1, 1},
    {"block", offsetof(struct tern_layer_spec, block), 0, TERN_MAX_POSITIONS, 1},
    {"repeats", offsetof(struct tern_layer_spec, repeats), 0, TERN_MAX_REPEATS, 1},
    {"attn_gate", offsetof(struct tern_layer_spec, attn_gate), 0, 1, 1},
    {"clip_low", offsetof(struct tern_layer_spec, clip_low), 0, TERN_MOST_CLIP, 1},
    {"clip_high", offsetof(struct tern_layer_spec, clip_high), 0, TERN_MOST_CLIP, 1},
    {"sub_norm", offsetof(struct tern_layer_spec, sub_norm), 0, 1, 1},
    {"query_rank", offsetof(struct tern_layer_spec, rank[0]), 1, TERN_MAX_HIDDEN, 1},
    {"key_rank", offsetof(struct tern_layer_spec, rank[1]), 1, TERN_MAX_HIDDEN, 1},
    {"value_rank", offsetof(struct tern_layer_spec, rank[2]), 1, TERN_MAX_HIDDEN, 1},
    {"attn_out_rank", offsetof(struct tern_layer_spec, rank[3]), 1, TERN_MAX_HIDDEN, 1},
    {"ffn_up_rank", offsetof(struct tern_layer_spec, rank[4]), 1, TERN_MAX_HIDDEN, 1},
    {"ffn_gate_rank", offsetof(struct tern_layer_spec, rank[5]), 1, TERN_MAX_HIDDEN, 1},
    {"ffn_down_rank", offsetof(struct tern_layer_spec, rank[6]), 1, TERN_MAX_HIDDEN, 1},
};

/* Its kinds of parts, by name; the indices are the values of the enums. */
static const char *const norm_names[TERN_N_NORM_KINDS] = {"layer", "rms", "scale"},
                         *const place_names[TERN_N_PLACES] = {"post", "pre"},
                         *const position_names[TERN_N_POSITIONS] = {"absolute", "rotary", "bias", "disentangled",
                                                                    "alibi"},
                         *const gate_names[TERN_N_GATES] = {"none", "product"};
static const char *const head_reads_names[TERN_N_HEAD_READS] = {"first", "mean", "late"};
static const struct {
    const char *key;
    size_t offset;
    const char *const *names;
    int n;
} layer_kinds[] = {
    {"activation", offsetof(struct tern_layer_spec, activation), tern_activation_names, TERN_N_ACTIVATIONS},
    {"norm", offsetof(struct tern_layer_spec, norm), norm_names, TERN_N_NORM_KINDS},
    {"place", offsetof(struct tern_layer_spec, place), place_names, TERN_N_PLACES},
    {"mixer", offsetof(struct tern_layer_spec, mixer), tern_mixer_names, TERN_N_MIXERS},
    {"position", offsetof(struct tern_layer_spec, position), position_names, TERN_N_POSITIONS},
    {"gate", offsetof(struct tern_layer_spec, gate), gate_names, TERN_N_GATES},
};
_Static_assert(sizeof(enum tern_activation) == sizeof(int) && sizeof(enum tern_gate) == sizeof(int), "read as int");

enum {
    N_LAYER_KINDS = (int)(sizeof layer_kinds / sizeof layer_kinds[0]),
    N_INTEGERS = (int)(sizeof integers / sizeof integers[0]),
    N_LAYER_INTEGERS = (int)(sizeof layer_integers / sizeof layer_integers[0]),
    /* Of the object, all fields, labels and layers; the rest is for later versions. */
    MAX_VALUES = TERN_MAX_LABELS + TERN_MAX_LAYERS * (N_LAYER_INTEGERS + N_LAYER_KINDS + 4) + 1000,
};

static int32_t *field(struct flat *flat, int i)
{
    return (int32_t *)(void *)((char *)flat + integers[i].offset);
}

static int32_t *layer_field(struct tern_layer_spec *layer, int i)
{
    return (int32_t *)(void *)((char *)layer + layer_integers[i].offset);
}

static int *layer_kind(struct tern_layer_spec *layer, int i)
{
    return (int *)(void *)((char *)layer + layer_kinds[i].offset);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

/* Whether layer i + 1 goes on in the run of layer i: the same numbers, and either weights of their own or the same. */
static int continues(const struct tern_config *config, int32_t i)
{
    const int own = config->layer[i].weights == i, next_own = config->layer[i + 1].weights == i + 1;
    struct tern_layer_spec next = config->layer[i + 1];
    if (own && next_own)
        next.weights = i;
    return own == next_own && !memcmp(&next, &config->layer[i], sizeof next);
}

/* The run of layers from *first on, which is moved behind it. */
static json_t *run_to_object(const struct tern_config *config, int32_t *first)
{
    struct tern_layer_spec layer = config->layer[*first];
    const int own = layer.weights == *first;
    int32_t count = 1;
    while (*first + 1 < config->layers && continues(config, *first)) {
        count++;
        ++*first;
    }
    ++*first;
    json_t *run = json_object();
    int failed = json_object_set_new(run, "count", json_integer(count));
    for (int i = 0; i < N_LAYER_INTEGERS; i++)
        if (!layer_integers[i].optional || *layer_field(&layer, i))
            failed |= json_object_set_new(run, layer_integers[i].key, json_integer(*layer_field(&layer, i)));
    for (int i = 0; i < N_LAYER_KINDS; i++)
        failed |=
            json_object_set_new(run, layer_kinds[i].key, json_string(layer_kinds[i].names[*layer_kind(&layer, i)]));
    if (!own)
        failed |= json_object_set_new(run, "weights", json_integer(layer.weights));
    if (failed) {
        json_decref(run);
        return NULL;
    }
    return run;
}

static int add_layers(json_t *root, const struct tern_config *config)
{
    json_t *runs = json_array();
    int failed = runs == NULL;
    for (int32_t i = 0; !failed && i < config->layers;)
        failed = json_array_append_new(runs, run_to_object(config, &i));
    return failed | json_object_set_new(root, "layer", runs);
}

static int add_labels(json_t *root, const struct tern_config *config)
{
    json_t *labels = json_array();
    int failed = labels == NULL;
    for (int32_t i = 0; !failed && i < config->n_labels; i++)
        failed = json_array_append_new(labels, json_string(config->labels[i]));
    return failed | json_object_set_new(root, "labels", labels); /* takes the labels also when it fails */
}

/* The first kind with its usual output goes without saying. Another output makes the head an object, which readers from
   before there were outputs refuse: they would squash what must not be. */
static int add_head(json_t *root, const struct tern_config *config)
{
    const char *const kind = tern_head_kinds[config->head].name;
    if (config->head == TERN_HEAD_NONE)
        return 0;
    if (config->logit_bits && json_object_set_new(root, "logit_bits", json_integer(config->logit_bits)))
        return 1;
    if (config->head_width && json_object_set_new(root, "head_width", json_integer(config->head_width)))
        return 1;
    if (config->output != tern_usual_output(config->n_labels))
        return json_object_set_new(root, "head",
                                   json_pack("{s:s, s:s}", "kind", kind, "output", tern_output_name(config->output)));
    return config->head == 1 ? 0 : json_object_set_new(root, "head", json_string(kind));
}

/* What a BERT's embeddings have or do not have goes without saying. */
static int add_embeddings(json_t *root, const struct tern_config *config)
{
    int failed = 0;
    if (config->embedding)
        failed |= json_object_set_new(root, "embedding", json_integer(config->embedding));
    if (config->trigram)
        failed |= json_object_set_new(root, "trigram", json_integer(config->trigram));
    if (config->question_end)
        failed |= json_object_set_new(root, "question_end", json_integer(config->question_end - 1));
    if (config->question_apart)
        failed |= json_object_set_new(root, "question_apart", json_true());
    if (config->token_dropout)
        failed |= json_object_set_new(root, "token_dropout", json_integer(config->token_dropout - 1));
    if (config->no_positions)
        failed |= json_object_set_new(root, "no_positions", json_true());
    if (config->no_embed_norm)
        failed |= json_object_set_new(root, "no_embed_norm", json_true());
    json_t *tables = json_array();
    failed |= tables == NULL;
    for (int32_t i = 0; !failed && i < config->n_tables; i++) {
        const struct tern_table_spec *t = &config->table[i];
        const char *const kind = position_names[t->kind];
        failed = json_array_append_new(
            tables, t->kind == TERN_POSITION_ROTARY ? json_pack("{s:s, s:i}", "kind", kind, "half", t->half)
                    : t->kind == TERN_POSITION_DISENTANGLED
                        ? json_pack("{s:s, s:i, s:b, s:b}", "kind", kind, "span", t->span, "c2p", t->c2p, "p2c", t->p2c)
                        : json_pack("{s:s, s:i}", "kind", kind, "heads", t->heads));
    }
    if (config->n_tables)
        return failed | json_object_set_new(root, "tables", tables);
    json_decref(tables);
    return failed;
}

static json_t *to_object(const struct tern_config *config)
{
    const struct tern_layer_spec *first = &config->layer[0];
    const int alike = tern_config_layers_alike(config);
    struct flat flat = {config->layers, config->hidden,        first->heads,        first->intermediate,
                        config->vocab,  config->max_positions, config->token_types, config->max_tokens};
    json_t *root = json_object();
    int failed = root == NULL;
    for (int i = 0; !failed && i < N_INTEGERS; i++)
        if (alike || !integers[i].of_layers)
            failed = json_object_set_new(root, integers[i].key, json_integer(*field(&flat, i)));
    failed |= json_object_set_new(root, "architecture", json_string(tern_architecture_name(config->architecture)));
    if (alike)
        failed |= json_object_set_new(root, "activation", json_string(tern_activation_name(first->activation)));
    else
        failed |= add_layers(root, config);
    failed |= json_object_set_new(root, "weights", json_string(tern_weights_name(config->weights)));
    failed |= json_object_set_new(root, "layer_norm_eps", json_real(config->layer_norm_eps));
    failed |= json_object_set_new(root, "has_pooler", json_boolean(config->pooler != TERN_POOLER_NONE));
    if (config->pooler != TERN_POOLER_NONE && config->pooler != tern_families[config->architecture].pooler)
        failed |= json_object_set_new(root, "pooler", json_string(tern_pooler_names[config->pooler]));
    if (config->pooler_norm)
        failed |= json_object_set_new(root, "pooler_norm", json_true());
    if (config->head_reads != TERN_READS_FIRST)
        failed |= json_object_set_new(root, "head_reads", json_string(head_reads_names[config->head_reads]));
    failed |= add_embeddings(root, config);
    if (*config->adapter)
        failed |= json_object_set_new(root, "adapter", json_string(config->adapter));
    failed |= tern_embedding_to_json(root, config) | tern_vectors_to_json(root, config);
    failed |= add_head(root, config) | add_labels(root, config);
    if (failed) {
        json_decref(root);
        return NULL;
    }
    return root;
}

char *tern_config_to_json(const struct tern_config *config)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17); /* 17 digits bring every double back */
    json_t *root = to_object(config);
    char *text = NULL;
    size_t size;

    if (!root)
        return NULL;
    /* json_dumps() would allocate with the functions the application gave jansson; the caller frees with free() */
    size = json_dumpb(root, NULL, 0, flags);
    if (size > 0)
        text = malloc(size + 1);
    if (text) {
        if (json_dumpb(root, text, size, flags) == size) {
            text[size] = '\0';
        } else {
            free(text);
            text = NULL;
        }
    }
    json_decref(root);
    return text;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* Reads a string that must be one of `names`; *out becomes its index. */
static tern_status get_name(const json_t *root, const char *key, const char *const *names, int n_names, int *out,
                            const char *label, tern_error *err)
{
    const char *name = NULL;
    tern_status status = tern_json_get_string(root, key, 1, &name, label, err);

    if (status != TERN_OK)
        return status;
    *out = tern_name_index(names, n_names, name);
    if (*out < 0)
        return tern_fail(err, TERN_FORMAT, "%s: %s %.60s is not supported", label, key, name);
    return TERN_OK;
}

static tern_status get_architecture(int *out, const json_t *root, const char *label, tern_error *err)
{
    const char *names[TERN_N_FAMILIES];
    for (int i = 0; i < TERN_N_FAMILIES; i++)
        names[i] = tern_families[i].name;
    return get_name(root, "architecture", names, TERN_N_FAMILIES, out, label, err);
}

static tern_status get_labels(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    const json_t *labels = json_object_get(root, "labels");
    size_t n = json_array_size(labels);
    tern_status status;

    if (!json_is_array(labels) || n > TERN_MAX_LABELS)
        return tern_fail(err, TERN_FORMAT, "%s: labels must be an array of at most %d strings", label, TERN_MAX_LABELS);
    status = tern_config_new_labels(out, (int32_t)n, label, err);
    for (size_t i = 0; status == TERN_OK && i < n; i++) {
        const char *text = json_string_value(json_array_get(labels, i));
        if (!text)
            return tern_fail(err, TERN_FORMAT, "%s: label %zu is not a string", label, i);
        status = tern_config_set_label(out, (int32_t)i, text, label, err);
    }
    return status;
}

static tern_status refuse_unknown_of_run(const json_t *run, const char *label, tern_error *err)
{
    const char *known[2 + N_LAYER_INTEGERS + N_LAYER_KINDS] = {"count", "weights"};
    for (int i = 0; i < N_LAYER_INTEGERS; i++)
        known[2 + i] = layer_integers[i].key;
    for (int i = 0; i < N_LAYER_KINDS; i++)
        known[2 + N_LAYER_INTEGERS + i] = layer_kinds[i].key;
    return tern_json_known_keys(run, known, 2 + N_LAYER_INTEGERS + N_LAYER_KINDS, "a layer of the configuration", label,
                                err);
}

/* One object of "layer": `count` layers from out->layers on. */
static tern_status get_run(struct tern_config *out, const json_t *run, int32_t layers, const char *label,
                           tern_error *err)
{
    struct tern_layer_spec layer = {.weights = -1};
    int32_t count = 1;
    if (!json_is_object(run))
        return tern_fail(err, TERN_FORMAT, "%s: a layer is not an object", label);
    tern_status status = refuse_unknown_of_run(run, label, err);
    if (!status)
        status = tern_json_get_int(run, "count", 1, 1, layers - out->layers, &count, label, err);
    for (int i = 0; !status && i < N_LAYER_INTEGERS; i++)
        status = tern_json_get_int(run, layer_integers[i].key, !layer_integers[i].optional, layer_integers[i].min,
                                   layer_integers[i].max, layer_field(&layer, i), label, err);
    for (int i = 0; !status && i < N_LAYER_KINDS; i++)
        status = get_name(run, layer_kinds[i].key, layer_kinds[i].names, layer_kinds[i].n, layer_kind(&layer, i), label,
                          err);
    if (!status)
        status = tern_json_get_int(run, "weights", 0, 0, layers - 1, &layer.weights, label, err);
    for (int32_t i = 0; !status && i < count; i++) {
        struct tern_layer_spec *to = &out->layer[out->layers];
        *to = layer;
        to->weights = layer.weights < 0 ? out->layers : layer.weights;
        out->layers++;
    }
    return status;
}

static tern_status get_layers(struct tern_config *out, const json_t *root, const struct flat *flat, const char *label,
                              tern_error *err)
{
    const json_t *runs = json_object_get(root, "layer");
    int activation = 0;
    tern_status status;
    if (!runs) {
        status = get_name(root, "activation", tern_activation_names, TERN_N_ACTIVATIONS, &activation, label, err);
        if (!status)
            status = tern_config_check_heads(flat->hidden, flat->heads, label, err);
        if (!status)
            tern_config_set_layers(out, flat->layers, flat->heads, flat->intermediate,
                                   (enum tern_activation)activation);
        return status;
    }
    if (!json_is_array(runs))
        return tern_fail(err, TERN_FORMAT, "%s: layer is not an array", label);
    status = TERN_OK;
    for (size_t i = 0; !status && i < json_array_size(runs); i++)
        status = out->layers < flat->layers
                     ? get_run(out, json_array_get(runs, i), flat->layers, label, err)
                     : tern_fail(err, TERN_FORMAT, "%s: more than %d layers", label, flat->layers);
    if (!status && out->layers != flat->layers)
        status = tern_fail(err, TERN_FORMAT, "%s: %d of %d layers are described", label, out->layers, flat->layers);
    return status;
}

static tern_status get_table(struct tern_config *out, const json_t *table, const char *label, tern_error *err)
{
    static const char *const keys[TERN_N_POSITIONS][4] = {[TERN_POSITION_ROTARY] = {"kind", "half"},
                                                          [TERN_POSITION_BIAS] = {"kind", "heads"},
                                                          [TERN_POSITION_DISENTANGLED] = {"kind", "span", "c2p", "p2c"},
                                                          [TERN_POSITION_ALIBI] = {"kind", "heads"}};
    struct tern_table_spec *t = &out->table[out->n_tables];
    int kind = 0;
    tern_status status = json_is_object(table)
                             ? get_name(table, "kind", position_names, TERN_N_POSITIONS, &kind, label, err)
                             : tern_fail(err, TERN_FORMAT, "%s: a table of positions is not an object", label);
    if (!status && kind == TERN_POSITION_ABSOLUTE)
        status = tern_fail(err, TERN_FORMAT, "%s: absolute positions have no table that layers share", label);
    t->kind = (enum tern_position_kind)kind;
    if (!status)
        status = tern_json_known_keys(table, keys[kind], keys[kind][2] ? 4 : 2, "a table of positions", label, err);
    if (!status && kind == TERN_POSITION_ROTARY)
        status = tern_json_get_int(table, "half", 1, 1, TERN_MAX_HEAD_DIM / 2, &t->half, label, err);
    else if (!status && (kind == TERN_POSITION_BIAS || kind == TERN_POSITION_ALIBI))
        status = tern_json_get_int(table, "heads", 1, 1, TERN_MAX_HIDDEN, &t->heads, label, err);
    else if (!status)
        status = tern_json_get_int(table, "span", 1, 1, TERN_MAX_SPAN, &t->span, label, err);
    if (!status && kind == TERN_POSITION_DISENTANGLED)
        status = tern_json_get_bool(table, "c2p", 1, &t->c2p, label, err);
    if (!status && kind == TERN_POSITION_DISENTANGLED)
        status = tern_json_get_bool(table, "p2c", 1, &t->p2c, label, err);
    out->n_tables++;
    return status;
}

/* A note of which one the layers have. */
static tern_status get_adapter(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    const char *name = "";
    const tern_status status = tern_json_get_string(root, "adapter", 0, &name, label, err);
    if (!status && strlen(name) >= sizeof out->adapter)
        return tern_fail(err, TERN_FORMAT, "%s: the adapter's name has %zu bytes, the limit is %zu", label,
                         strlen(name), sizeof out->adapter - 1);
    for (const char *c = name; *c && !status; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return tern_fail(err, TERN_FORMAT, "%s: the adapter's name has a control character", label);
    snprintf(out->adapter, sizeof out->adapter, "%s", name);
    return status;
}

/* The keys that add_embeddings writes. */
static tern_status get_embeddings(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    const json_t *tables = json_object_get(root, "tables");
    tern_status status = tern_json_get_int(root, "embedding", 0, 1, TERN_MAX_HIDDEN, &out->embedding, label, err);
    if (!status)
        status = tern_json_get_int(root, "trigram", 0, 1, TERN_MAX_HIDDEN, &out->trigram, label, err);
    if (!status)
        status = tern_json_get_id(&out->question_end, root, "question_end", out->vocab, label, err);
    if (!status)
        status = tern_json_get_bool(root, "question_apart", 0, &out->question_apart, label, err);
    if (!status)
        status = tern_json_get_id(&out->token_dropout, root, "token_dropout", out->vocab, label, err);
    if (!status)
        status = tern_json_get_bool(root, "no_positions", 0, &out->no_positions, label, err);
    if (!status)
        status = tern_json_get_bool(root, "no_embed_norm", 0, &out->no_embed_norm, label, err);
    if (!status && tables && (!json_is_array(tables) || json_array_size(tables) > TERN_MAX_TABLES))
        status = tern_fail(err, TERN_FORMAT, "%s: tables is no list of at most %d", label, TERN_MAX_TABLES);
    for (size_t i = 0; !status && i < json_array_size(tables); i++)
        status = get_table(out, json_array_get(tables, i), label, err);
    return status;
}

static tern_status get_pooler(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    int32_t has_pooler = 0;
    int pooler = (int)tern_families[out->architecture].pooler;
    tern_status status = tern_json_get_bool(root, "has_pooler", 1, &has_pooler, label, err);
    if (!status && json_object_get(root, "pooler"))
        status = get_name(root, "pooler", tern_pooler_names, TERN_N_POOLERS, &pooler, label, err);
    out->pooler = has_pooler ? (enum tern_pooler)pooler : TERN_POOLER_NONE;
    if (!status)
        status = tern_json_get_bool(root, "pooler_norm", 0, &out->pooler_norm, label, err);
    int reads = TERN_READS_FIRST;
    if (!status && json_object_get(root, "head_reads"))
        status = get_name(root, "head_reads", head_reads_names, TERN_N_HEAD_READS, &reads, label, err);
    out->head_reads = (enum tern_head_reads)reads;
    return status;
}

/* After the labels. */
static tern_status get_head(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    const char *names[TERN_N_HEADS];
    int head = out->n_labels ? 1 : TERN_HEAD_NONE;
    tern_status status = TERN_OK;
    for (int i = 0; i < TERN_N_HEADS; i++)
        names[i] = tern_head_kinds[i].name;
    const json_t *const object = json_object_get(root, "head");
    int output = (int)tern_usual_output(out->n_labels);
    if (json_is_object(object)) {
        static const char *const known[] = {"kind", "output"};
        status = tern_json_known_keys(object, known, 2, "the configuration's head", label, err);
        if (!status)
            status = get_name(object, "kind", names, TERN_N_HEADS, &head, label, err);
        if (!status)
            status = get_name(object, "output", tern_output_names, TERN_N_OUTPUTS, &output, label, err);
    } else if (object) {
        status = get_name(root, "head", names, TERN_N_HEADS, &head, label, err);
    }
    out->output = (enum tern_output)output;
    out->head = (enum tern_head)head;
    if (status == TERN_OK && (head != TERN_HEAD_NONE && !tern_gives_words(out)) != (out->n_labels != 0))
        status = tern_fail(err, TERN_FORMAT, "%s: head %s does not fit %d labels", label, names[head], out->n_labels);
    if (status == TERN_OK && out->head == TERN_HEAD_ANSWERER && out->n_labels != 2)
        status =
            tern_fail(err, TERN_FORMAT, "%s: an answerer has %d labels; start and end are 2", label, out->n_labels);
    if (status == TERN_OK && json_object_get(root, "logit_bits"))
        status = tern_json_get_int(root, "logit_bits", 1, 1, TERN_LOGIT_BITS, &out->logit_bits, label, err);
    if (status == TERN_OK && json_object_get(root, "head_width"))
        status = tern_json_get_int(root, "head_width", 1, 1, TERN_MAX_HIDDEN, &out->head_width, label, err);
    return status;
}

static tern_status refuse_unknown(const json_t *root, const char *label, tern_error *err)
{
    static const char *const others[] = {
        "embedding",     "no_positions",   "no_embed_norm", "tables",         "pooler_norm",   "head_reads",
        "layer",         "architecture",   "activation",    "weights",        "pooling",       "layer_norm_eps",
        "has_pooler",    "pooler",         "head",          "normalize",      "labels",        "prompts",
        "dense",         "default_prompt", "dimensions",    "include_prompt", "adapter",       "trigram",
        "head_width",    "logit_bits",     "sparse",        "tokens",         "token_dropout", "question_end",
        "question_apart"};
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    const char *known[N_OTHERS + N_INTEGERS];
    memcpy(known, others, sizeof others);
    for (int i = 0; i < N_INTEGERS; i++)
        known[N_OTHERS + i] = integers[i].key;
    return tern_json_known_keys(root, known, N_OTHERS + N_INTEGERS, "the configuration", label, err);
}

static tern_status from_object(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    tern_status status = TERN_OK;
    struct flat flat = {0};
    int architecture = 0, weights = 0;

    if (!json_is_object(root))
        return tern_fail(err, TERN_FORMAT, "%s: the configuration is not a JSON object", label);
    status = refuse_unknown(root, label, err);
    for (int i = 0; status == TERN_OK && i < N_INTEGERS; i++)
        if (!integers[i].of_layers || !json_object_get(root, "layer"))
            status = tern_json_get_int(root, integers[i].key, 1, integers[i].min, integers[i].max, field(&flat, i),
                                       label, err);
    out->hidden = flat.hidden;
    out->vocab = flat.vocab;
    out->max_positions = flat.max_positions;
    out->token_types = flat.token_types;
    out->max_tokens = flat.max_tokens;
    if (status == TERN_OK)
        status = get_architecture(&architecture, root, label, err);
    if (status == TERN_OK)
        status = get_layers(out, root, &flat, label, err);
    if (status == TERN_OK)
        status = get_name(root, "weights", tern_weights_names, TERN_N_WEIGHTS, &weights, label, err);
    if (status == TERN_OK)
        status = tern_json_get_real(root, "layer_norm_eps", 1, 1e-30, 0.1, &out->layer_norm_eps, label, err);
    out->architecture = (enum tern_architecture)architecture;
    if (status == TERN_OK)
        status = get_embeddings(out, root, label, err);
    if (status == TERN_OK)
        status = get_adapter(out, root, label, err);
    if (status == TERN_OK)
        status = get_pooler(out, root, label, err);
    if (status == TERN_OK)
        status = tern_embedding_from_json(out, root, label, err);
    if (status == TERN_OK)
        status = tern_vectors_from_json(out, root, label, err);
    if (status != TERN_OK)
        return status;
    out->weights = (enum tern_weights)weights;
    status = get_labels(out, root, label, err);
    if (status == TERN_OK)
        status = get_head(out, root, label, err);
    if (status == TERN_OK)
        status = tern_vectors_check(out, label, err);
    return status == TERN_OK ? tern_config_check(out, label, err) : status;
}

tern_status tern_config_from_json(struct tern_config *out, const char *json, const char *label, tern_error *err)
{
    json_t *root = NULL;
    tern_status status;

    memset(out, 0, sizeof *out);
    status = tern_json_parse(&root, json, strlen(json), MAX_VALUES, label, err);
    if (status == TERN_OK)
        status = from_object(out, root, label, err);
    json_decref(root);
    if (status != TERN_OK)
        tern_config_free(out);
    return status;
}
