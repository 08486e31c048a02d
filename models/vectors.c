/* Vectors that are none of a text as a whole: weights of words (SPLADE) and vectors of tokens (ColBERT). Their keys in
   a .tern file, which readers from before them refuse, and what else a model must be to have them. */
#include "models/config_private.h"
#include "models/json.h"

#include <stdio.h>
#include <string.h>

/* The integers of "tokens", in the order in which they are written; those that are 0 go without saying. */
static const struct {
    const char *key;
    size_t offset;
    int32_t min, max;
} integers[] = {
    {"query_prefix", offsetof(struct tern_late_spec, query_prefix), 1, TERN_MAX_VOCAB},
    {"document_prefix", offsetof(struct tern_late_spec, document_prefix), 1, TERN_MAX_VOCAB},
    {"query_tokens", offsetof(struct tern_late_spec, query_tokens), TERN_MIN_TOKENS, TERN_MAX_POSITIONS},
    {"document_tokens", offsetof(struct tern_late_spec, document_tokens), TERN_MIN_TOKENS, TERN_MAX_POSITIONS},
    {"fill_to", offsetof(struct tern_late_spec, fill_to), TERN_MIN_TOKENS, TERN_MAX_POSITIONS},
    {"fill", offsetof(struct tern_late_spec, fill), 0, TERN_MAX_VOCAB - 1},
    {"fill_seen", offsetof(struct tern_late_spec, fill_seen), 0, 1},
    {"skip_queries", offsetof(struct tern_late_spec, skip_queries), 0, 1},
};
enum { N_INTEGERS = sizeof integers / sizeof integers[0] };

static const char *const poolings[] = {"max", "sum"}, *const activations[] = {"relu", "log1p_relu"};
static const char queries[] = "weights"; /* the only kind of its own */

static int32_t *field(struct tern_late_spec *late, int i)
{
    return (int32_t *)(void *)((char *)late + integers[i].offset);
}

void tern_vectors_words(char *out, size_t capacity, const struct tern_config *config)
{
    const int32_t n = config->n_dense;
    if (config->vectors == TERN_VECTORS_SPARSE)
        snprintf(out, capacity, "sparse, the %s of each word's %s%s", config->sparse.sum ? "sum" : "largest",
                 config->sparse.twice ? "log(1 + log(1 + relu))" : "log(1 + relu)",
                 config->sparse.looked_up ? "; a query's, the weights of its tokens" : "");
    else
        snprintf(out, capacity, "of each token, %d numbers%s", tern_dense_inputs(config, n),
                 config->normalize ? ", length 1" : "");
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static json_t *late_to_json(const struct tern_config *config)
{
    struct tern_late_spec late = config->late;
    json_t *const object = json_object(), *const skip = json_array();
    int failed = !object || !skip;
    for (int i = 0; !failed && i < N_INTEGERS; i++)
        if (*field(&late, i))
            failed = json_object_set_new(object, integers[i].key, json_integer(*field(&late, i)));
    for (int32_t i = 0; !failed && i < late.n_skip; i++)
        failed = json_array_append_new(skip, json_integer(late.skip[i]));
    failed = failed || json_object_set(object, "skip", skip);
    json_decref(skip);
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *sparse_to_json(const struct tern_config *config)
{
    json_t *const object = json_pack("{s:s, s:s}", "pooling", poolings[config->sparse.sum], "activation",
                                     activations[config->sparse.twice]);
    if (!object || !config->sparse.looked_up || !json_object_set_new(object, "queries", json_string(queries)))
        return object;
    json_decref(object);
    return NULL;
}

int tern_vectors_to_json(json_t *root, const struct tern_config *config)
{
    if (config->vectors == TERN_VECTORS_SPARSE)
        return json_object_set_new(root, "sparse", sparse_to_json(config));
    return config->vectors == TERN_VECTORS_TOKENS ? json_object_set_new(root, "tokens", late_to_json(config)) : 0;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* A string that must be one of two words. */
static tern_status get_word(int32_t *out, const json_t *object, const char *key, const char *const *words,
                            const char *label, tern_error *err)
{
    const char *name = NULL;
    const tern_status status = tern_json_get_string(object, key, 1, &name, label, err);
    if (status)
        return status;
    *out = tern_name_index(words, 2, name);
    return *out < 0 ? tern_fail(err, TERN_FORMAT, "%s: %s %.60s of sparse vectors is not supported; %s and %s are",
                                label, key, name, words[0], words[1])
                    : TERN_OK;
}

static tern_status get_sparse(struct tern_config *out, const json_t *object, const char *label, tern_error *err)
{
    static const char *const known[] = {"pooling", "activation", "queries"};
    const char *of_queries = "";
    if (!json_is_object(object))
        return tern_fail(err, TERN_FORMAT, "%s: sparse is not an object", label);
    tern_status status = tern_json_known_keys(object, known, 3, "sparse of the configuration", label, err);
    if (!status)
        status = get_word(&out->sparse.sum, object, "pooling", poolings, label, err);
    if (!status)
        status = get_word(&out->sparse.twice, object, "activation", activations, label, err);
    if (!status)
        status = tern_json_get_string(object, "queries", 0, &of_queries, label, err);
    out->sparse.looked_up = !status && !strcmp(of_queries, queries);
    if (!status && *of_queries && !out->sparse.looked_up)
        status = tern_fail(err, TERN_FORMAT, "%s: queries %.60s of sparse vectors are not supported; %s are", label,
                           of_queries, queries);
    out->vectors = TERN_VECTORS_SPARSE;
    return status;
}

static tern_status get_late(struct tern_config *out, const json_t *object, const char *label, tern_error *err)
{
    const char *known[N_INTEGERS + 1] = {"skip"};
    const json_t *const skip = json_object_get(object, "skip");
    struct tern_late_spec *const late = &out->late;
    for (int i = 0; i < N_INTEGERS; i++)
        known[i + 1] = integers[i].key;
    if (!json_is_object(object) || !json_is_array(skip) || json_array_size(skip) > TERN_MAX_SKIP)
        return tern_fail(err, TERN_FORMAT, "%s: tokens is no object with a list `skip` of at most %d ids", label,
                         TERN_MAX_SKIP);
    tern_status status = tern_json_known_keys(object, known, N_INTEGERS + 1, "tokens of the configuration", label, err);
    for (int i = 0; i < N_INTEGERS && !status; i++)
        status =
            tern_json_get_int(object, integers[i].key, 0, integers[i].min, integers[i].max, field(late, i), label, err);
    for (size_t i = 0; i < json_array_size(skip) && !status; i++) {
        const json_int_t id = json_integer_value(json_array_get(skip, i));
        if (!json_is_integer(json_array_get(skip, i)) || id < 0 || id >= TERN_MAX_VOCAB)
            return tern_fail(err, TERN_FORMAT, "%s: skip of tokens has what is no id", label);
        late->skip[late->n_skip++] = (int32_t)id;
    }
    out->vectors = TERN_VECTORS_TOKENS;
    return status;
}

tern_status tern_vectors_from_json(struct tern_config *out, const json_t *root, const char *label, tern_error *err)
{
    const json_t *const sparse = json_object_get(root, "sparse"), *const tokens = json_object_get(root, "tokens");
    if (sparse && tokens)
        return tern_fail(err, TERN_FORMAT, "%s: vectors are sparse and of tokens; one is possible", label);
    return sparse ? get_sparse(out, sparse, label, err) : tokens ? get_late(out, tokens, label, err) : TERN_OK;
}

/* ---- Checks ----------------------------------------------------------------------------------------------------- */

/* Tokens that no other sees are the last ones of a text; what mixes tokens otherwise would see them all the same. */
static int may_hide(const struct tern_config *config)
{
    int may = !tern_config_is_fourier(config) && !tern_config_is_scaled(config);
    for (int32_t i = 0; i < config->layers; i++) {
        const struct tern_layer_spec *l = &config->layer[i];
        may &= !l->conv && !l->value_conv && !l->global && !l->block && l->before >= config->late.fill_to &&
               l->after >= config->late.fill_to;
    }
    return may;
}

static tern_status check_late(const struct tern_config *config, const char *label, tern_error *err)
{
    const struct tern_late_spec *const late = &config->late;
    int fits =
        late->query_prefix <= config->vocab && late->document_prefix <= config->vocab && late->fill < config->vocab;
    for (int32_t i = 0; i < late->n_skip; i++)
        fits &= late->skip[i] < config->vocab;
    if (!fits)
        return tern_fail(err, TERN_FORMAT, "%s: an id of the vectors of tokens is not below the vocabulary's %d", label,
                         config->vocab);
    if (late->query_tokens > config->max_tokens || late->document_tokens > config->max_tokens ||
        late->fill_to > config->max_tokens)
        return tern_fail(err, TERN_FORMAT, "%s: texts of more than the model's %d tokens have vectors of tokens", label,
                         config->max_tokens);
    if (config->pooling != TERN_POOL_MEAN || config->n_joined || config->leave_out_prompt)
        return tern_fail(err, TERN_FORMAT, "%s: vectors of tokens are not pooled", label);
    if (late->fill_to && !late->fill_seen && !may_hide(config))
        return tern_fail(err, TERN_FORMAT,
                         "%s: queries are filled up with tokens that others do not see, which is supported only where "
                         "attention is all that mixes tokens, and sees the whole text",
                         label);
    return TERN_OK;
}

tern_status tern_vectors_check(const struct tern_config *config, const char *label, tern_error *err)
{
    if (config->vectors == TERN_VECTORS_SPARSE && !tern_gives_words(config))
        return tern_fail(err, TERN_FORMAT, "%s: sparse vectors need a masked-language head", label);
    return config->vectors == TERN_VECTORS_TOKENS ? check_late(config, label, err) : TERN_OK;
}
