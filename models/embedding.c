/* How a model makes embeddings: names, widths and prompts of its configuration, and its keys in a .tern file. */
#include "models/config_private.h"
#include "models/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tern_pooling_names[TERN_N_POOLINGS] = {
#define POOLING(id, name, ...) name,
#include "models/poolings.def"
#undef POOLING
};
const char *const tern_dense_activation_names[TERN_N_DENSE_ACTIVATIONS] = {"identity", "tanh", "relu", "sigmoid"};

#define POOLING(id, ...) _Static_assert((int)TERN_POOL_##id == (int)TERN_POOLING_##id, "the table is in their order");
#include "models/poolings.def"
#undef POOLING
_Static_assert((int)TERN_MAX_WIDTH >= (int)TERN_MAX_HIDDEN, "one pooling is always possible");

const char *tern_pooling_name(tern_pooling pooling)
{
    return tern_pooling_names[pooling];
}

const char *tern_dense_activation_name(enum tern_dense_activation activation)
{
    return tern_dense_activation_names[activation];
}

/* ---- Widths ----------------------------------------------------------------------------------------------------- */

int32_t tern_pooled_width(const struct tern_config *config)
{
    return config->hidden * (1 + config->n_joined);
}

int32_t tern_dense_inputs(const struct tern_config *config, int32_t i)
{
    return i ? config->dense[i - 1].outputs : tern_pooled_width(config);
}

int32_t tern_widest_vector(const struct tern_config *config)
{
    int32_t widest = 0;
    for (int32_t i = 0; i <= config->n_dense; i++) {
        const int32_t width = tern_dense_inputs(config, i);
        widest = width > widest ? width : widest;
    }
    return widest;
}

int32_t tern_vector_width(const struct tern_config *config)
{
    const int32_t width = tern_dense_inputs(config, config->n_dense);
    return config->dimensions && config->dimensions < width ? config->dimensions : width;
}

tern_status tern_config_check_embedding(const struct tern_config *config, const char *label, tern_error *err)
{
    if (tern_pooled_width(config) > TERN_MAX_WIDTH)
        return tern_fail(err, TERN_FORMAT, "%s: %d poolings of %d numbers are joined, together at most %d", label,
                         1 + config->n_joined, config->hidden, TERN_MAX_WIDTH);
    return TERN_OK;
}

void tern_embedding_words(char *out, size_t capacity, const struct tern_config *config)
{
    size_t used = 0;
    if (config->vectors != TERN_VECTORS_TEXT) {
        tern_vectors_words(out, capacity, config);
        return;
    }
#define ADD(...)                                                                                                       \
    if (used < capacity)                                                                                               \
    used += (size_t)snprintf(out + used, capacity - used, __VA_ARGS__)
    for (int32_t i = 0; i <= config->n_joined; i++)
        ADD("%s%s", i ? " + " : "", tern_pooling_name(tern_pooling_at(config, i)));
    ADD("%s", config->leave_out_prompt ? " without the prompt" : "");
    for (int32_t i = 0; i < config->n_dense; i++) {
        const struct tern_dense_spec *d = &config->dense[i];
        ADD("%s, dense to %d", d->normalize ? ", length 1" : "", d->outputs);
        if (d->activation != TERN_DENSE_IDENTITY)
            ADD(" with %s", tern_dense_activation_name(d->activation));
    }
    ADD("%s", config->normalize ? ", length 1" : "");
    if (config->dimensions)
        ADD(", first %d", tern_vector_width(config));
#undef ADD
}

/* ---- Prompts ---------------------------------------------------------------------------------------------------- */

tern_status tern_config_new_prompts(struct tern_config *config, size_t n, const char *label, tern_error *err)
{
    if (n > TERN_MAX_PROMPTS)
        return tern_fail(err, TERN_FORMAT, "%s: %zu prompts, the limit is %d", label, n, TERN_MAX_PROMPTS);
    config->prompts = n ? calloc(n, sizeof *config->prompts) : NULL;
    return n && !config->prompts ? tern_fail_nomem(err, label, n * sizeof *config->prompts) : TERN_OK;
}

static char *copy(const char *text)
{
    const size_t n = strlen(text) + 1;
    char *to = malloc(n);
    return to ? memcpy(to, text, n) : NULL;
}

/* Names are printed in lists. */
static int is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 0;
    return 1;
}

tern_status tern_config_add_prompt(struct tern_config *config, const char *name, const char *text, const char *label,
                                   tern_error *err)
{
    if (strlen(name) > TERN_MAX_LABEL_BYTES || !is_printable(name))
        return tern_fail(err, TERN_FORMAT, "%s: a prompt's name has control characters or more than %d bytes", label,
                         TERN_MAX_LABEL_BYTES);
    if (strlen(text) > TERN_MAX_PROMPT_BYTES)
        return tern_fail(err, TERN_FORMAT, "%s: the prompt %.60s has %zu bytes, the limit is %d", label, name,
                         strlen(text), TERN_MAX_PROMPT_BYTES);
    struct tern_prompt *prompt = &config->prompts[config->n_prompts];
    *prompt = (struct tern_prompt){copy(name), copy(text)};
    config->n_prompts++; /* tern_config_free frees what is there */
    return prompt->name && prompt->text ? TERN_OK : tern_fail_nomem(err, label, strlen(name) + strlen(text) + 2);
}

int32_t tern_config_find_prompt(const struct tern_config *config, const char *name)
{
    for (int32_t i = 0; i < config->n_prompts; i++)
        if (!strcmp(config->prompts[i].name, name))
            return i;
    return -1;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static json_t *poolings_to_json(const struct tern_config *config)
{
    if (!config->n_joined)
        return json_string(tern_pooling_name(config->pooling));
    json_t *list = json_array();
    for (int32_t i = 0; i <= config->n_joined; i++)
        if (json_array_append_new(list, json_string(tern_pooling_name(tern_pooling_at(config, i))))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *dense_to_json(const struct tern_config *config)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < config->n_dense; i++) {
        const struct tern_dense_spec *d = &config->dense[i];
        json_t *item = json_pack("{s:i, s:s, s:b}", "outputs", (int)d->outputs, "activation",
                                 tern_dense_activation_name(d->activation), "normalize", (int)d->normalize);
        if (json_array_append_new(list, item)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *prompts_to_json(const struct tern_config *config)
{
    json_t *object = json_object();
    for (int32_t i = 0; i < config->n_prompts; i++)
        if (json_object_set_new(object, config->prompts[i].name, json_string(config->prompts[i].text))) {
            json_decref(object);
            return NULL;
        }
    return object;
}

int tern_embedding_to_json(json_t *root, const struct tern_config *config)
{
    int failed = json_object_set_new(root, "pooling", poolings_to_json(config));
    failed |= json_object_set_new(root, "normalize", json_boolean(config->normalize));
    if (config->leave_out_prompt)
        failed |= json_object_set_new(root, "include_prompt", json_false());
    if (config->n_dense)
        failed |= json_object_set_new(root, "dense", dense_to_json(config));
    if (config->dimensions)
        failed |= json_object_set_new(root, "dimensions", json_integer(config->dimensions));
    if (config->n_prompts)
        failed |= json_object_set_new(root, "prompts", prompts_to_json(config));
    if (config->default_prompt)
        failed |=
            json_object_set_new(root, "default_prompt", json_string(config->prompts[config->default_prompt - 1].name));
    return failed;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static tern_status pooling_of(tern_pooling *out, const json_t *value, const char *label, tern_error *err)
{
    const char *name = json_string_value(value);
    const int pooling = name ? tern_name_index(tern_pooling_names, TERN_N_POOLINGS, name) : -1;
    if (pooling < 0)
        return tern_fail(err, TERN_FORMAT, "%s: pooling %.60s is not supported", label, name ? name : "of no name");
    *out = (tern_pooling)pooling;
    return TERN_OK;
}

static tern_status get_poolings(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    const json_t *value = json_object_get(root, "pooling");
    if (!value)
        return tern_fail(err, TERN_FORMAT, "%s: pooling is missing", label);
    if (!json_is_array(value))
        return pooling_of(&out->pooling, value, label, err);
    const size_t n = json_array_size(value);
    if (n < 1 || n > TERN_MAX_POOLINGS)
        return tern_fail(err, TERN_FORMAT, "%s: %zu poolings, the limits are 1 and %d", label, n, TERN_MAX_POOLINGS);
    tern_status status = TERN_OK;
    for (size_t i = 0; !status && i < n; i++)
        status = pooling_of(i ? &out->joined[i - 1] : &out->pooling, json_array_get(value, i), label, err);
    out->n_joined = (int32_t)n - 1;
    return status;
}

static tern_status get_dense(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    static const char *const known[] = {"outputs", "activation", "normalize"};
    const json_t *list = json_object_get(root, "dense");
    const size_t n = json_array_size(list);
    if (list && (!json_is_array(list) || n > TERN_MAX_DENSE))
        return tern_fail(err, TERN_FORMAT, "%s: dense must be an array of at most %d layers", label, TERN_MAX_DENSE);
    tern_status status = TERN_OK;
    for (size_t i = 0; !status && i < n; i++) {
        const json_t *item = json_array_get(list, i);
        struct tern_dense_spec *d = &out->dense[i];
        const char *name = NULL;
        if (!json_is_object(item))
            return tern_fail(err, TERN_FORMAT, "%s: a dense layer is not an object", label);
        status = tern_json_known_keys(item, known, 3, "a dense layer of the configuration", label, err);
        if (!status)
            status = tern_json_get_int(item, "outputs", 1, 1, TERN_MAX_WIDTH, &d->outputs, label, err);
        if (!status)
            status = tern_json_get_bool(item, "normalize", 0, &d->normalize, label, err);
        if (!status)
            status = tern_json_get_string(item, "activation", 1, &name, label, err);
        const int activation =
            status ? 0 : tern_name_index(tern_dense_activation_names, TERN_N_DENSE_ACTIVATIONS, name);
        if (activation < 0)
            return tern_fail(err, TERN_FORMAT, "%s: activation %.60s of a dense layer is not supported", label, name);
        d->activation = (enum tern_dense_activation)activation;
    }
    out->n_dense = (int32_t)n;
    return status;
}

static tern_status get_prompts(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    json_t *prompts = json_object_get(root, "prompts"), *value;
    const char *key, *name = NULL;
    if (prompts && !json_is_object(prompts))
        return tern_fail(err, TERN_FORMAT, "%s: prompts is not an object", label);
    tern_status status = tern_config_new_prompts(out, json_object_size(prompts), label, err);
    json_object_foreach(prompts, key, value)
    {
        if (!status && !json_is_string(value))
            status = tern_fail(err, TERN_FORMAT, "%s: the prompt %.60s is not a string", label, key);
        if (!status)
            status = tern_config_add_prompt(out, key, json_string_value(value), label, err);
    }
    if (!status)
        status = tern_json_get_string(root, "default_prompt", 0, &name, label, err);
    if (!status && name) {
        out->default_prompt = tern_config_find_prompt(out, name) + 1;
        if (!out->default_prompt)
            status = tern_fail(err, TERN_FORMAT, "%s: default_prompt %.60s is none of the prompts", label, name);
    }
    return status;
}

tern_status tern_embedding_from_json(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    int32_t include_prompt = 1;
    tern_status status = get_poolings(out, root, label, err);
    if (!status)
        status = tern_json_get_bool(root, "normalize", 1, &out->normalize, label, err);
    if (!status)
        status = tern_json_get_bool(root, "include_prompt", 0, &include_prompt, label, err);
    if (!status)
        status = get_dense(out, root, label, err);
    if (!status)
        status = tern_json_get_int(root, "dimensions", 0, 1, TERN_MAX_WIDTH, &out->dimensions, label, err);
    out->leave_out_prompt = !include_prompt;
    return status ? status : get_prompts(out, root, label, err);
}
