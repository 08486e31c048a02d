/* The configuration as the one JSON object of a .tern file's metadata. */
#include "models/config_private.h"
#include "models/json.h"

#include <stdlib.h>
#include <string.h>

/* The integer fields with their limits: writer and reader go through the same list. */
static const struct {
    const char *key;
    size_t offset;
    int32_t min, max;
} integers[] = {
    {"layers", offsetof(struct tern_config, layers), 1, TERN_MAX_LAYERS},
    {"hidden", offsetof(struct tern_config, hidden), 1, TERN_MAX_HIDDEN},
    {"heads", offsetof(struct tern_config, heads), 1, TERN_MAX_HIDDEN},
    {"intermediate", offsetof(struct tern_config, intermediate), 1, TERN_MAX_INTERMEDIATE},
    {"vocab", offsetof(struct tern_config, vocab), 1, TERN_MAX_VOCAB},
    {"max_positions", offsetof(struct tern_config, max_positions), TERN_MIN_TOKENS, TERN_MAX_POSITIONS},
    {"token_types", offsetof(struct tern_config, token_types), 0, TERN_MAX_TYPES},
    {"max_tokens", offsetof(struct tern_config, max_tokens), TERN_MIN_TOKENS, TERN_MAX_POSITIONS},
};

enum {
    N_INTEGERS = (int)(sizeof integers / sizeof integers[0]),
    MAX_VALUES = TERN_MAX_LABELS + 1000, /* of the object, all fields and labels; the rest is for later versions */
};

static int32_t *field(struct tern_config *config, int i)
{
    return (int32_t *)(void *)((char *)config + integers[i].offset);
}

static json_t *to_object(const struct tern_config *config)
{
    json_t *labels = json_array(), *root;
    struct tern_config copy = *config;
    int failed = labels == NULL;

    for (int32_t i = 0; !failed && i < config->n_labels; i++)
        failed = json_array_append_new(labels, json_string(config->labels[i]));
    root = json_object();
    failed |= root == NULL;
    for (int i = 0; !failed && i < N_INTEGERS; i++)
        failed = json_object_set_new(root, integers[i].key, json_integer(*field(&copy, i)));
    if (failed) {
        json_decref(root);
        json_decref(labels);
        return NULL;
    }
    failed |= json_object_set_new(root, "architecture", json_string(tern_architecture_name(config->architecture)));
    failed |= json_object_set_new(root, "activation", json_string(tern_activation_name(config->activation)));
    failed |= json_object_set_new(root, "weights", json_string(tern_weights_name(config->weights)));
    failed |= json_object_set_new(root, "layer_norm_eps", json_real(config->layer_norm_eps));
    failed |= json_object_set_new(root, "has_pooler", json_boolean(config->has_pooler));
    failed |= json_object_set_new(root, "pooling", json_string(tern_pooling_names[config->pooling]));
    failed |= json_object_set_new(root, "normalize", json_boolean(config->normalize));
    failed |= json_object_set_new(root, "labels", labels); /* takes the labels also when it fails */
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

static tern_status get_labels(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    const json_t *labels = json_object_get(root, "labels");
    size_t n = json_array_size(labels);
    tern_status status;

    if (!json_is_array(labels) || n > TERN_MAX_LABELS)
        return tern_fail(err, TERN_FORMAT, "%s: labels must be an array of at most %d strings", label,
                         TERN_MAX_LABELS);
    status = tern_config_new_labels(out, (int32_t)n, label, err);
    for (size_t i = 0; status == TERN_OK && i < n; i++) {
        const char *text = json_string_value(json_array_get(labels, i));
        if (!text)
            return tern_fail(err, TERN_FORMAT, "%s: label %zu is not a string", label, i);
        status = tern_config_set_label(out, (int32_t)i, text, label, err);
    }
    return status;
}

static tern_status from_object(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    tern_status status = TERN_OK;
    int architecture = 0, activation = 0, weights = 0, pooling = 0;

    if (!json_is_object(root))
        return tern_fail(err, TERN_FORMAT, "%s: the configuration is not a JSON object", label);
    for (int i = 0; status == TERN_OK && i < N_INTEGERS; i++)
        status = tern_json_get_int(root, integers[i].key, 1, integers[i].min, integers[i].max, field(out, i), label,
                                   err);
    if (status == TERN_OK)
        status = get_name(root, "architecture", tern_architecture_names, 2, &architecture, label, err);
    if (status == TERN_OK)
        status = get_name(root, "activation", tern_activation_names, 4, &activation, label, err);
    if (status == TERN_OK)
        status = get_name(root, "weights", tern_weights_names, TERN_N_WEIGHTS, &weights, label, err);
    if (status == TERN_OK)
        status = get_name(root, "pooling", tern_pooling_names, 2, &pooling, label, err);
    if (status == TERN_OK)
        status = tern_json_get_real(root, "layer_norm_eps", 1, 1e-30, 0.1, &out->layer_norm_eps, label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(root, "has_pooler", 1, &out->has_pooler, label, err);
    if (status == TERN_OK)
        status = tern_json_get_bool(root, "normalize", 1, &out->normalize, label, err);
    if (status != TERN_OK)
        return status;
    out->architecture = (enum tern_architecture)architecture;
    out->activation = (enum tern_activation)activation;
    out->weights = (enum tern_weights)weights;
    out->pooling = (tern_pooling)pooling;
    status = get_labels(out, root, label, err);
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
