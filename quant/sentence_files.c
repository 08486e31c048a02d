/* The files beside config.json that say how an embedding is made: those of sentence-transformers, and the tokenizer's
   limit. Precedence and defaults are that library's. */
#include "quant/sentence_files.h"

#include "models/config_private.h"
#include "quant/late_files.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_TOKENIZER = 1 << 24, /* bytes: tokenizer_config.json lists added tokens */
};

/* ---- Keys: each is known, or the file is refused ------------------------------------------------------------------
 */

const char tern_key_read[] = "read", tern_key_any[] = "any", tern_key_off[] = "off";
#define READ tern_key_read
#define ANY tern_key_any
#define OFF tern_key_off

static int is_off(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) || (json_is_object(value) && !json_object_size(value)) ||
           (json_is_array(value) && !json_array_size(value));
}

tern_status tern_file_keys_check(const json_t *root, const struct tern_file_key *keys, const char *path,
                                 tern_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, name, value)
    {
        const struct tern_file_key *key = keys;
        while (key->name && strcmp(key->name, name) != 0)
            key++;
        if (!key->name && !json_is_null(value))
            return tern_fail(err, TERN_FORMAT, "%s: the key %.60s is not known, and may change the result", path, name);
        if (!key->name || key->may_be == READ || key->may_be == ANY || json_is_null(value))
            continue;
        if (key->may_be == OFF && !is_off(value))
            return tern_fail(err, TERN_FORMAT, "%s: %.60s is not supported", path, name);
        if (key->may_be != OFF && (!json_is_string(value) || strcmp(json_string_value(value), key->may_be) != 0))
            return tern_fail(err, TERN_FORMAT, "%s: %.60s is not %s, which alone is supported", path, name,
                             key->may_be);
    }
    return TERN_OK;
}

/* Reads folder/name as a JSON object; *out stays NULL when it is not there. */
static tern_status read_object(json_t **out, char path[TERN_MAX_FOLDER], const char *folder, const char *name,
                               size_t limit, tern_error *err)
{
    *out = NULL;
    tern_status status = tern_join_path(path, TERN_MAX_FOLDER, folder, name, err);
    if (!status)
        status = tern_json_read_file(out, path, limit, 1, err);
    if (!status && *out && !json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        status = tern_fail(err, TERN_FORMAT, "%s: not a JSON object", path);
    }
    return status;
}

/* ---- The transformer's own file, and the longest text -------------------------------------------------------------
 */

/* A number above max_positions limits nothing: transformers writes 1e30. */
static tern_status read_limit(struct tern_config *out, const json_t *root, const char *key, const char *path,
                              int *found, tern_error *err)
{
    double limit = 0;
    tern_status status = tern_json_get_real(root, key, 0, TERN_MIN_TOKENS, 1e300, &limit, path, err);

    *found = limit > 0;
    if (!status && limit > 0 && limit < out->max_positions) {
        if (limit != (double)(int32_t)limit)
            return tern_fail(err, TERN_FORMAT, "%s: %s is %g, not an integer", path, key, limit);
        out->max_tokens = (int32_t)limit;
    }
    return status;
}

/* Arguments that the file hands on to transformers, under their old and new names: what they may change. */
static tern_status check_arguments(const json_t *root, const char *path, tern_error *err)
{
    static const struct tern_file_key model[] = {{"attn_implementation", ANY},
                                                 {"torch_dtype", ANY},
                                                 {"dtype", ANY},
                                                 {"device_map", ANY},
                                                 {"trust_remote_code", ANY},
                                                 {"use_safetensors", ANY},
                                                 {"add_pooling_layer", ANY},
                                                 {"low_cpu_mem_usage", ANY},
                                                 {"local_files_only", ANY},
                                                 {"revision", ANY},
                                                 {NULL, NULL}};
    static const struct tern_file_key tokenizer[] = {{"model_max_length", READ},
                                                     {"use_fast", ANY},
                                                     {"padding_side", ANY},
                                                     {"trust_remote_code", ANY},
                                                     {"truncation_side", "right"},
                                                     {"clean_up_tokenization_spaces", ANY},
                                                     {"local_files_only", ANY},
                                                     {"revision", ANY},
                                                     {NULL, NULL}};
    static const struct tern_file_key config[] = {{"trust_remote_code", ANY},
                                                  {"attn_implementation", ANY},
                                                  {"local_files_only", ANY},
                                                  {"revision", ANY},
                                                  {NULL, NULL}};
    static const struct {
        const char *name;
        const struct tern_file_key *keys;
    } arguments[] = {{"model_args", model},           {"model_kwargs", model}, {"tokenizer_args", tokenizer},
                     {"processor_kwargs", tokenizer}, {"config_args", config}, {"config_kwargs", config}};
    tern_status status = TERN_OK;
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0] && !status; i++) {
        const json_t *value = json_object_get(root, arguments[i].name);
        if (value && !json_is_object(value) && !json_is_null(value))
            return tern_fail(err, TERN_FORMAT, "%s: %s is not an object", path, arguments[i].name);
        if (json_is_object(value))
            status = tern_file_keys_check(value, arguments[i].keys, path, err);
    }
    return status;
}

/* Since 5.4 the file says what the transformer is asked for: `output`. */
static tern_status check_text_method(const json_t *root, const char *output, const char *path, tern_error *err)
{
    const struct tern_file_key method[] = {
        {"method", "forward"}, {"method_output_name", output}, {"format", ANY}, {NULL, NULL}};
    const json_t *modalities = json_object_get(root, "modality_config"), *text = json_object_get(modalities, "text");
    if (!modalities || json_is_null(modalities))
        return TERN_OK;
    if (!json_is_object(text))
        return tern_fail(err, TERN_FORMAT, "%s: modality_config has no text", path);
    return tern_file_keys_check(text, method, path, err);
}

/* A cross-encoder's file (5.4) describes a classifier, and no embeddings. */
static int is_classifier(const struct tern_sentence_folder *f)
{
    const char *task = json_string_value(json_object_get(f->config, "transformer_task"));
    return task && !strcmp(task, "sequence-classification");
}

static tern_status read_transformer(struct tern_config *out, const struct tern_sentence_folder *f, int late,
                                    tern_error *err)
{
    const struct tern_file_key keys[] = {{"max_seq_length", READ},
                                         {"do_lower_case", READ},
                                         {"transformer_task", f->is_sparse ? "fill-mask" : "feature-extraction"},
                                         {"modality_config", READ},
                                         {"module_output_name", "token_embeddings"},
                                         {"processing_kwargs", OFF},
                                         {"unpad_inputs", ANY},
                                         {"query_length", late ? READ : OFF},
                                         {"document_length", late ? READ : OFF},
                                         {"query_expansion", late ? READ : OFF},
                                         {"tokenizer_name_or_path", OFF},
                                         {"model_args", READ},
                                         {"model_kwargs", READ},
                                         {"tokenizer_args", READ},
                                         {"processor_kwargs", READ},
                                         {"config_args", READ},
                                         {"config_kwargs", READ},
                                         {"backend", ANY},
                                         {"cache_dir", ANY},
                                         {NULL, NULL}};
    const char *const path = f->config_path;
    json_t *tokenizer = NULL;
    char tokenizer_path[TERN_MAX_FOLDER];
    int found = 0;
    tern_status status = is_classifier(f) ? TERN_OK : tern_file_keys_check(f->config, keys, path, err);
    if (!status)
        status = check_arguments(f->config, path, err);
    if (!status && !is_classifier(f))
        status = check_text_method(f->config, f->is_sparse ? "logits" : "last_hidden_state", path, err);
    /* The limit: what is handed to the tokenizer, else max_seq_length, else the tokenizer's own. */
    if (!status)
        status = read_limit(out, json_object_get(f->config, "processor_kwargs"), "model_max_length", path, &found, err);
    if (!status && !found)
        status = read_limit(out, json_object_get(f->config, "tokenizer_args"), "model_max_length", path, &found, err);
    if (!status && !found)
        status = read_limit(out, f->config, "max_seq_length", path, &found, err);
    if (!status && !found)
        status = read_object(&tokenizer, tokenizer_path, f->transformer, "tokenizer_config.json", MAX_TOKENIZER, err);
    if (tokenizer)
        status = read_limit(out, tokenizer, "model_max_length", tokenizer_path, &found, err);
    json_decref(tokenizer);
    return status;
}

/* ---- Pooling ------------------------------------------------------------------------------------------------------
 */

/* Before 5.4 a switch for each, whose vectors are joined in this order. */
static const struct {
    const char *key;
    tern_pooling pooling;
} switches[] = {
    {"pooling_mode_cls_token", TERN_POOL_CLS},
    {"pooling_mode_max_tokens", TERN_POOL_MAX},
    {"pooling_mode_mean_tokens", TERN_POOL_MEAN},
    {"pooling_mode_mean_sqrt_len_tokens", TERN_POOL_MEAN_SQRT_LEN},
    {"pooling_mode_weightedmean_tokens", TERN_POOL_WEIGHTED_MEAN},
    {"pooling_mode_lasttoken", TERN_POOL_LAST},
};
enum { N_SWITCHES = sizeof switches / sizeof switches[0] };
_Static_assert((int)N_SWITCHES <= (int)TERN_MAX_POOLINGS, "all of them may be on");

/* The next of the poolings, of which there are *n so far. */
static void add_pooling(struct tern_config *out, int *n, tern_pooling pooling)
{
    if (*n)
        out->joined[*n - 1] = pooling;
    else
        out->pooling = pooling;
    out->n_joined = (*n)++;
}

static tern_status add_named(struct tern_config *out, int *n, const json_t *value, const char *path, tern_error *err)
{
    const char *name = json_string_value(value);
    const int pooling = name ? tern_name_index(tern_pooling_names, TERN_N_POOLINGS, name) : -1;
    if (pooling < 0)
        return tern_fail(err, TERN_FORMAT, "%s: pooling_mode %.60s is not supported", path, name ? name : "of no name");
    if (*n == TERN_MAX_POOLINGS)
        return tern_fail(err, TERN_FORMAT, "%s: more than %d poolings", path, TERN_MAX_POOLINGS);
    add_pooling(out, n, (tern_pooling)pooling);
    return TERN_OK;
}

static tern_status read_modes(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const json_t *modes = json_object_get(root, "pooling_mode");
    tern_status status = TERN_OK;
    int n = 0;
    out->pooling = TERN_POOL_MEAN; /* if none is named */
    out->n_joined = 0;
    if (json_is_array(modes)) {
        for (size_t i = 0; i < json_array_size(modes) && !status; i++)
            status = add_named(out, &n, json_array_get(modes, i), path, err);
        return status || n ? status : tern_fail(err, TERN_FORMAT, "%s: pooling_mode is empty", path);
    }
    if (modes)
        return add_named(out, &n, modes, path, err);
    for (int i = 0; i < N_SWITCHES && !status; i++) {
        int32_t on = 0;
        status = tern_json_get_bool(root, switches[i].key, 0, &on, path, err);
        if (on)
            add_pooling(out, &n, switches[i].pooling);
    }
    return status;
}

static tern_status read_pooling(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct tern_file_key keys[] = {{"embedding_dimension", ANY},
                                                {"word_embedding_dimension", ANY},
                                                {"pooling_mode", READ},
                                                {"pooling_mode_cls_token", READ},
                                                {"pooling_mode_max_tokens", READ},
                                                {"pooling_mode_mean_tokens", READ},
                                                {"pooling_mode_mean_sqrt_len_tokens", READ},
                                                {"pooling_mode_weightedmean_tokens", READ},
                                                {"pooling_mode_lasttoken", READ},
                                                {"include_prompt", READ},
                                                {NULL, NULL}};
    int32_t include_prompt = 1;
    tern_status status = tern_file_keys_check(root, keys, path, err);
    if (!status)
        status = read_modes(out, root, path, err);
    if (!status)
        status = tern_json_get_bool(root, "include_prompt", 0, &include_prompt, path, err);
    out->leave_out_prompt = !include_prompt;
    return status;
}

/* ---- Dense and Normalize ------------------------------------------------------------------------------------------
 */

static tern_status read_activation(enum tern_dense_activation *out, const json_t *root, const char *path,
                                   tern_error *err)
{
    static const struct {
        const char *name;
        enum tern_dense_activation activation;
    } known[] = {{"torch.nn.modules.linear.Identity", TERN_DENSE_IDENTITY},
                 {"torch.nn.modules.activation.Tanh", TERN_DENSE_TANH},
                 {"torch.nn.modules.activation.ReLU", TERN_DENSE_RELU},
                 {"torch.nn.modules.activation.Sigmoid", TERN_DENSE_SIGMOID}};
    const char *name = known[1].name; /* the library's default */
    const tern_status status = tern_json_get_string(root, "activation_function", 0, &name, path, err);
    for (size_t i = 0; i < sizeof known / sizeof known[0] && !status; i++)
        if (!strcmp(name, known[i].name)) {
            *out = known[i].activation;
            return TERN_OK;
        }
    return status ? status
                  : tern_fail(err, TERN_FORMAT,
                              "%s: activation_function %.80s is not supported; Identity, Tanh, ReLU and Sigmoid of "
                              "torch.nn are",
                              path, name);
}

/* What modules behind the pooling read and give; where vectors are of tokens there is no pooling. */
static const char *vectors_name(const struct tern_config *config)
{
    return config->vectors == TERN_VECTORS_TOKENS ? "token_embeddings" : "sentence_embedding";
}

static tern_status read_dense(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *const name = vectors_name(out);
    const struct tern_file_key keys[] = {
        {"in_features", READ},       {"out_features", READ},       {"bias", READ},        {"activation_function", READ},
        {"module_input_name", name}, {"module_output_name", name}, {"use_residual", OFF}, {NULL, NULL}};
    const int32_t width = tern_dense_inputs(out, out->n_dense);
    struct tern_dense_spec *d = &out->dense[out->n_dense];
    int32_t inputs = 0, bias = 1;
    if (out->n_dense == TERN_MAX_DENSE)
        return tern_fail(err, TERN_FORMAT, "%s: more than %d Dense modules", path, TERN_MAX_DENSE);
    tern_status status = tern_file_keys_check(root, keys, path, err);
    if (!status)
        status = tern_json_get_int(root, "in_features", 1, 1, TERN_MAX_WIDTH, &inputs, path, err);
    if (!status && inputs != width)
        status = tern_fail(err, TERN_FORMAT, "%s: in_features is %d, the vector before it has %d dimensions", path,
                           inputs, width);
    if (!status)
        status = tern_json_get_int(root, "out_features", 1, 1, TERN_MAX_WIDTH, &d->outputs, path, err);
    if (!status)
        status = tern_json_get_bool(root, "bias", 0, &bias, path, err);
    if (!status)
        status = read_activation(&d->activation, root, path, err);
    d->normalize = out->normalize; /* so far */
    out->normalize = 0;
    out->n_dense++;
    return status;
}

static tern_status check_normalize(const struct tern_config *config, const json_t *root, const char *path,
                                   tern_error *err)
{
    const char *const name = vectors_name(config);
    const struct tern_file_key keys[] = {{"module_input_name", name}, {"module_output_name", name}, {NULL, NULL}};
    return tern_file_keys_check(root, keys, path, err);
}

/* Whether a string member is the second of two words; absent: the first. */
static tern_status read_second(int32_t *out, const json_t *root, const char *key, const char *const words[2],
                               const char *path, tern_error *err)
{
    const char *name = words[0];
    const tern_status status = tern_json_get_string(root, key, 0, &name, path, err);
    *out = !status && !strcmp(name, words[1]);
    if (status || *out || !strcmp(name, words[0]))
        return status;
    return tern_fail(err, TERN_FORMAT, "%s: %s %.60s is not supported; %s and %s are", path, key, name, words[0],
                     words[1]);
}

static tern_status read_splade(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct tern_file_key keys[] = {{"pooling_strategy", READ},   {"activation_function", READ},
                                                {"embedding_dimension", ANY}, {"word_embedding_dimension", ANY},
                                                {"chunk_size", ANY},          {NULL, NULL}};
    static const char *const poolings[] = {"max", "sum"}, *const activations[] = {"relu", "log1p_relu"};
    tern_status status = tern_file_keys_check(root, keys, path, err);
    if (!status)
        status = read_second(&out->sparse.sum, root, "pooling_strategy", poolings, path, err);
    if (!status)
        status = read_second(&out->sparse.twice, root, "activation_function", activations, path, err);
    out->vectors = TERN_VECTORS_SPARSE;
    return status;
}

/* ---- The chain ----------------------------------------------------------------------------------------------------
 */

/* A module with its config.json, which a Pooling and a Dense must have; but a folder that only its name makes a Pooling
   may be empty. */
static tern_status read_module(struct tern_config *out, const struct tern_module *m, int listed, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    tern_status status = read_object(&root, path, m->path, "config.json", TERN_MAX_MODULE_FILE, err);
    if (!status && !root && !listed && m->kind == TERN_MODULE_POOLING)
        return TERN_OK;
    if (!status && !root && m->kind != TERN_MODULE_NORMALIZE)
        status = tern_fail(err, TERN_IO, "%s: is missing; it says what the module %.60s does", path, m->type);
    if (!status && m->kind == TERN_MODULE_POOLING)
        status = read_pooling(out, root, path, err);
    else if (!status && m->kind == TERN_MODULE_DENSE)
        status = read_dense(out, root, path, err);
    else if (!status && m->kind == TERN_MODULE_SPLADE)
        status = read_splade(out, root, path, err);
    else if (!status) {
        status = root ? check_normalize(out, root, path, err) : TERN_OK;
        out->normalize = 1;
    }
    json_decref(root);
    return status;
}

/* Left out a module, the vectors would be wrong without anyone noticing, so unknown ones are refused. A classifier's
   chain ends with the transformer. */
static tern_status read_chain(struct tern_config *out, const struct tern_sentence_folder *f, int is_embedder,
                              const char *directory, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    int pooled = out->vectors == TERN_VECTORS_TOKENS;
    tern_status status = tern_join_path(path, sizeof path, directory, f->has_modules_json ? "modules.json" : "", err);
    for (int i = 0; i < f->n_modules && !status; i++) {
        const struct tern_module *m = &f->modules[i];
        const int is_static = m->kind == TERN_MODULE_STATIC,
                  is_pooling = m->kind == TERN_MODULE_POOLING || m->kind == TERN_MODULE_SPLADE;
        const int is_transformer = m->kind == TERN_MODULE_TRANSFORMER || is_static;
        if (m->kind >= TERN_MODULE_ROUTER)
            return tern_fail(err, TERN_FORMAT,
                             "%s: module %.100s is not supported; Transformer, StaticEmbedding, Pooling, "
                             "SpladePooling, Dense, Normalize and Dropout are",
                             path, m->type);
        if (m->kind == TERN_MODULE_MASK && out->vectors != TERN_VECTORS_TOKENS)
            return tern_fail(err, TERN_FORMAT, "%s: module %.100s is supported only of a MultiVectorEncoder", path,
                             m->type);
        if (m->kind == TERN_MODULE_DROPOUT || m->kind == TERN_MODULE_MASK)
            continue;
        if (out->vectors == TERN_VECTORS_SPARSE)
            return tern_fail(err, TERN_FORMAT, "%s: module %d is %.100s; nothing may follow a SpladePooling", path, i,
                             m->type);
        if (is_transformer != (i == 0) || (is_pooling && pooled) ||
            (!is_transformer && !is_pooling && !pooled && f->has_modules_json))
            return tern_fail(err, TERN_FORMAT,
                             "%s: module %d is %.100s; a Transformer comes first, then one Pooling, or a "
                             "StaticEmbedding, then the others",
                             path, i, m->type);
        pooled |= is_pooling || is_static;
        if (!is_transformer)
            status = read_module(out, m, f->has_modules_json, err);
    }
    if (!status && !pooled && f->has_modules_json && is_embedder)
        status = tern_fail(err, TERN_FORMAT, "%s: there is no Pooling, so that nothing makes an embedding", path);
    return status;
}

/* ---- config_sentence_transformers.json ----------------------------------------------------------------------------
 */

/* These two names are there in any case, and then stand for no prompt. */
static int is_builtin(const char *name)
{
    return !strcmp(name, "query") || !strcmp(name, "document");
}

static tern_status read_prompts(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    json_t *prompts = json_object_get(root, "prompts"), *value;
    const char *key, *name = NULL;
    if (prompts && !json_is_object(prompts) && !json_is_null(prompts))
        return tern_fail(err, TERN_FORMAT, "%s: prompts is not an object", path);
    tern_status status = tern_config_new_prompts(out, json_object_size(prompts), path, err);
    json_object_foreach(prompts, key, value)
    {
        if (!status && !json_is_string(value) && !json_is_null(value))
            status = tern_fail(err, TERN_FORMAT, "%s: the prompt %.60s is not a string", path, key);
        if (!status)
            status = tern_config_add_prompt(out, key, json_is_null(value) ? "" : json_string_value(value), path, err);
    }
    if (!status)
        status = tern_json_get_string(root, "default_prompt_name", 0, &name, path, err);
    if (status || !name)
        return status;
    out->default_prompt = tern_config_find_prompt(out, name) + 1;
    if (!out->default_prompt && !is_builtin(name))
        status = tern_fail(err, TERN_FORMAT, "%s: default_prompt_name %.60s is none of the prompts", path, name);
    return status;
}

static tern_status read_settings(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct tern_file_key keys[] = {{"__version__", ANY},
                                                {"requirements", ANY},
                                                {"similarity_fn_name", ANY}, /* how users compare vectors */
                                                {"prompts", READ},
                                                {"default_prompt_name", READ},
                                                {"truncate_dim", READ},
                                                {"model_type", READ},
                                                {NULL, NULL}};
    static const char *const types[] = {"SentenceTransformer", "SparseEncoder"};
    const int late = out->vectors == TERN_VECTORS_TOKENS;
    const char *const wanted = types[out->vectors == TERN_VECTORS_SPARSE], *type = wanted;
    tern_status status = tern_file_keys_check(root, late ? tern_late_keys : keys, path, err);
    if (!status)
        status = tern_json_get_string(root, "model_type", 0, &type, path, err);
    if (!status && !late && strcmp(type, wanted) != 0)
        status = tern_fail(err, TERN_FORMAT, "%s: model_type is not %s, which alone is supported for these modules",
                           path, wanted);
    if (!status)
        status = read_prompts(out, root, path, err);
    if (!status)
        status = tern_json_get_int(root, "truncate_dim", 0, 1, INT32_MAX, &out->dimensions, path, err);
    if (out->dimensions >= tern_dense_inputs(out, out->n_dense))
        out->dimensions = 0;
    return status;
}

static int is_cross_encoder(const json_t *root)
{
    const char *type = json_string_value(json_object_get(root, "model_type"));
    return type && !strcmp(type, "CrossEncoder");
}

/* Of a cross-encoder, a classifier: what its scores become is in quant/purpose.c. */
static tern_status check_cross_encoder(const json_t *root, const char *path, tern_error *err)
{
    const char *name = NULL;
    const tern_status status = tern_json_get_string(root, "default_prompt_name", 0, &name, path, err);
    if (!status && name && *name)
        return tern_fail(err, TERN_FORMAT,
                         "%s: default_prompt_name is %.60s; prompts of cross-encoders are not supported, put them into "
                         "the texts and set it to null",
                         path, name);
    return status;
}

tern_status tern_sentence_files_read(struct tern_config *out, const struct tern_sentence_folder *folder,
                                     const char *directory, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    tern_status status =
        read_object(&root, path, directory, "config_sentence_transformers.json", TERN_MAX_MODULE_FILE, err);
    const int crosses = is_cross_encoder(root), late = !status && tern_late_is(folder, root);
    if (late)
        out->vectors = TERN_VECTORS_TOKENS;
    if (!status && !folder->is_static)
        status = read_transformer(out, folder, late, err);
    if (!status)
        status = read_chain(out, folder, !crosses && !is_classifier(folder), directory, err);
    if (!status && root)
        status = crosses ? check_cross_encoder(root, path, err) : read_settings(out, root, path, err);
    if (!status && late)
        status = tern_late_read(out, folder, root, path, err);
    json_decref(root);
    return status ? status : tern_config_check(out, directory, err);
}
