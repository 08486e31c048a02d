/* The configuration as the one JSON object of a .tern file's metadata. */
#include "models/config_private.h"
#include "models/json.h"

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
    {"layers", offsetof(struct flat, layers), 1, TERN_MAX_LAYERS, 0},
    {"hidden", offsetof(struct flat, hidden), 1, TERN_MAX_HIDDEN, 0},
    {"heads", offsetof(struct flat, heads), 1, TERN_MAX_HIDDEN, 1},
    {"intermediate", offsetof(struct flat, intermediate), 1, TERN_MAX_INTERMEDIATE, 1},
    {"vocab", offsetof(struct flat, vocab), 1, TERN_MAX_VOCAB, 0},
    {"max_positions", offsetof(struct flat, max_positions), TERN_MIN_TOKENS, TERN_MAX_POSITIONS, 0},
    {"token_types", offsetof(struct flat, token_types), 0, TERN_MAX_TYPES, 0},
    {"max_tokens", offsetof(struct flat, max_tokens), TERN_MIN_TOKENS, TERN_MAX_POSITIONS, 0},
};

/* The numbers of one layer, the same way. */
static const struct {
    const char *key;
    size_t offset;
    int32_t min, max;
} layer_integers[] = {
    {"heads", offsetof(struct tern_layer_spec, heads), 1, TERN_MAX_HIDDEN},
    {"head_dim", offsetof(struct tern_layer_spec, head_dim), 1, TERN_MAX_HEAD_DIM},
    {"intermediate", offsetof(struct tern_layer_spec, intermediate), 1, TERN_MAX_INTERMEDIATE},
    {"before", offsetof(struct tern_layer_spec, before), 0, TERN_ALL_TOKENS},
    {"after", offsetof(struct tern_layer_spec, after), 0, TERN_ALL_TOKENS},
};

/* Its kinds of parts, by name; the indices are the values of the enums. */
static const char *const norm_names[] = {"layer"}, *const place_names[] = {"post"}, *const mixer_names[] = {"softmax"},
                         *const position_names[] = {"absolute"}, *const gate_names[] = {"none"};
static const struct {
    const char *key;
    size_t offset;
    const char *const *names;
    int n;
} layer_kinds[] = {
    {"activation", offsetof(struct tern_layer_spec, activation), tern_activation_names, 4},
    {"norm", offsetof(struct tern_layer_spec, norm), norm_names, 1},
    {"place", offsetof(struct tern_layer_spec, place), place_names, 1},
    {"mixer", offsetof(struct tern_layer_spec, mixer), mixer_names, 1},
    {"position", offsetof(struct tern_layer_spec, position), position_names, 1},
    {"gate", offsetof(struct tern_layer_spec, gate), gate_names, 1},
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
    failed |= json_object_set_new(root, "pooling", json_string(tern_pooling_names[config->pooling]));
    failed |= json_object_set_new(root, "normalize", json_boolean(config->normalize));
    const char *const head = tern_head_kinds[config->head].name;
    if (config->head != TERN_HEAD_NONE && strcmp(head, tern_head_kinds[1].name)) /* the first goes without saying */
        failed |= json_object_set_new(root, "head", json_string(head));
    failed |= add_labels(root, config);
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

/* One object of "layer": `count` layers from out->layers on. */
static tern_status get_run(struct tern_config *out, const json_t *run, int32_t layers, const char *label,
                           tern_error *err)
{
    struct tern_layer_spec layer = {.weights = -1};
    int32_t count = 1;
    if (!json_is_object(run))
        return tern_fail(err, TERN_FORMAT, "%s: a layer is not an object", label);
    tern_status status = tern_json_get_int(run, "count", 1, 1, layers - out->layers, &count, label, err);
    for (int i = 0; !status && i < N_LAYER_INTEGERS; i++)
        status = tern_json_get_int(run, layer_integers[i].key, 1, layer_integers[i].min, layer_integers[i].max,
                                   layer_field(&layer, i), label, err);
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
        status = get_name(root, "activation", tern_activation_names, 4, &activation, label, err);
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

static tern_status get_pooler(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    int32_t has_pooler = 0;
    int pooler = (int)tern_families[out->architecture].pooler;
    tern_status status = tern_json_get_bool(root, "has_pooler", 1, &has_pooler, label, err);
    if (!status && json_object_get(root, "pooler"))
        status = get_name(root, "pooler", tern_pooler_names, 3, &pooler, label, err);
    out->pooler = has_pooler ? (enum tern_pooler)pooler : TERN_POOLER_NONE;
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
    if (json_object_get(root, "head"))
        status = get_name(root, "head", names, TERN_N_HEADS, &head, label, err);
    if (status == TERN_OK && (head != TERN_HEAD_NONE) != (out->n_labels != 0))
        status = tern_fail(err, TERN_FORMAT, "%s: head %s does not fit %d labels", label, names[head], out->n_labels);
    out->head = (enum tern_head)head;
    return status;
}

static tern_status from_object(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    tern_status status = TERN_OK;
    struct flat flat = {0};
    int architecture = 0, weights = 0, pooling = 0;

    if (!json_is_object(root))
        return tern_fail(err, TERN_FORMAT, "%s: the configuration is not a JSON object", label);
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
        status = get_name(root, "pooling", tern_pooling_names, 2, &pooling, label, err);
    if (status == TERN_OK)
        status = tern_json_get_real(root, "layer_norm_eps", 1, 1e-30, 0.1, &out->layer_norm_eps, label, err);
    out->architecture = (enum tern_architecture)architecture;
    if (status == TERN_OK)
        status = get_pooler(out, root, label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(root, "normalize", 1, &out->normalize, label, err);
    if (status != TERN_OK)
        return status;
    out->weights = (enum tern_weights)weights;
    out->pooling = (tern_pooling)pooling;
    status = get_labels(out, root, label, err);
    if (status == TERN_OK)
        status = get_head(out, root, label, err);
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
