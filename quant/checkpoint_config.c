/* The configuration of a Hugging Face checkpoint directory, with sentence-transformers' files if they are there. */
#include "quant/checkpoint_config.h"

#include "models/config_private.h"
#include "models/json.h"
#include "quant/families.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_PATH = 4096,
    MAX_CONFIG = 1 << 20,    /* bytes of a JSON file */
    MAX_TOKENIZER = 1 << 24, /* tokenizer_config.json lists added tokens */
};

static int has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int has_suffix(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* The family whose classes are called so: BertModel, BertForSequenceClassification. -1: none. */
static int family_of_class(const char *class)
{
    for (int i = 0; i < TERN_N_FAMILIES; i++) {
        const char *start = tern_checkpoint_families[i].class;
        if (has_prefix(class, start) &&
            (has_prefix(class + strlen(start), "Model") || has_prefix(class + strlen(start), "For")))
            return i;
    }
    return -1;
}

static int family_of_type(const char *type)
{
    for (int i = 0; i < TERN_N_FAMILIES; i++)
        if (!strcmp(type, tern_families[i].name))
            return i;
    return -1;
}

static tern_status fail_family(const char *path, const char *type, tern_error *err)
{
    char names[200] = "";
    for (int i = 0; i < TERN_N_FAMILIES; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                 i == 0                     ? ""
                 : i + 1 == TERN_N_FAMILIES ? " and "
                                            : ", ",
                 tern_families[i].name);
    return tern_fail(err, TERN_FORMAT, "%s: model type %.60s is not supported; %s are", path, type, names);
}

/* model_type says which; old checkpoints have only `architectures`, or (Google's, TinyBERT) BERT's numbers and
   neither. */
static tern_status read_architecture(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *type = NULL, *class = json_string_value(json_array_get(json_object_get(root, "architectures"), 0));
    tern_status status = tern_json_get_string(root, "model_type", 0, &type, path, err);
    int index = TERN_BERT;

    if (status != TERN_OK)
        return status;
    if (class && has_suffix(class, "ForMultipleChoice"))
        return tern_fail(err, TERN_FORMAT, "%s: %.60s is not supported; it is no classification of single texts", path,
                         class);
    if (type)
        index = family_of_type(type);
    else if (class)
        index = family_of_class(class);
    else if (!json_object_get(root, "hidden_size") || !json_object_get(root, "type_vocab_size"))
        return tern_fail(err, TERN_FORMAT, "%s: neither model_type nor architectures say what the model is", path);
    if (index < 0)
        return fail_family(path, type ? type : class, err);
    out->architecture = (enum tern_architecture)index;
    return TERN_OK;
}

/* What would change the result in a way Tern does not compute. */
static tern_status refuse_variants(const json_t *root, const char *path, tern_error *err)
{
    static const char *const switches[] = {"is_decoder", "add_cross_attention"};
    const char *positions = "absolute";
    tern_status status = tern_json_get_string(root, "position_embedding_type", 0, &positions, path, err);

    for (size_t i = 0; status == TERN_OK && i < sizeof switches / sizeof switches[0]; i++) {
        int32_t on = 0;
        status = tern_json_get_bool(root, switches[i], 0, &on, path, err);
        if (status == TERN_OK && on)
            return tern_fail(err, TERN_FORMAT, "%s: %s is true; only encoders are supported", path, switches[i]);
    }
    if (status == TERN_OK && strcmp(positions, "absolute") != 0)
        return tern_fail(err, TERN_FORMAT, "%s: position_embedding_type %.60s is not supported; absolute is", path,
                         positions);
    return status;
}

/* The decimal number that `key` spells without sign or leading zeros, -1 if it is none below n. */
static int32_t label_index(const char *key, size_t n)
{
    size_t value = 0;
    if (!*key || strlen(key) > 4 || (key[0] == '0' && key[1]))
        return -1;
    for (; *key; key++) {
        if (*key < '0' || *key > '9')
            return -1;
        value = value * 10 + (size_t)(*key - '0');
    }
    return value < n ? (int32_t)value : -1;
}

/* id2label. Keys are unique and each is one of 0 .. n-1, so n of them are all. */
static tern_status read_labels(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    json_t *labels = json_object_get(root, "id2label"), *value;
    size_t n = json_object_size(labels);
    const char *key;
    tern_status status;

    if (!labels || json_is_null(labels))
        return TERN_OK;
    if (!json_is_object(labels) || n > TERN_MAX_LABELS)
        return tern_fail(err, TERN_FORMAT, "%s: id2label must be an object of at most %d labels", path,
                         TERN_MAX_LABELS);
    status = tern_config_new_labels(out, (int32_t)n, path, err);
    json_object_foreach(labels, key, value)
    {
        int32_t i = label_index(key, n);
        if (status != TERN_OK)
            return status;
        if (i < 0)
            return tern_fail(err, TERN_FORMAT, "%s: id2label has the key %.20s; its %zu keys must be 0 .. %zu", path,
                             key, n, n - 1);
        if (!json_is_string(value))
            return tern_fail(err, TERN_FORMAT, "%s: label %d of id2label is not a string", path, i);
        status = tern_config_set_label(out, i, json_string_value(value), path, err);
    }
    return status;
}

static tern_status read_config(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    tern_status status;

    if (!json_is_object(root))
        return tern_fail(err, TERN_FORMAT, "%s: not a JSON object", path);
    status = read_architecture(out, root, path, err);
    out->layer_norm_eps = 1e-12;
    if (status == TERN_OK)
        status = tern_checkpoint_families[out->architecture].read(out, root, path, err);
    out->max_tokens = out->max_positions;
    if (status == TERN_OK)
        status = refuse_variants(root, path, err);
    if (status == TERN_OK)
        status = read_labels(out, root, path, err);
    return status == TERN_OK ? tern_config_check(out, path, err) : status;
}

/* model_max_length and max_seq_length. A number above max_positions limits nothing: transformers writes 1e30. */
static tern_status read_limit(struct tern_config *out, const json_t *root, const char *key, const char *path,
                              tern_error *err)
{
    double limit = TERN_MAX_POSITIONS;
    tern_status status = tern_json_get_real(root, key, 0, TERN_MIN_TOKENS, 1e300, &limit, path, err);

    if (status == TERN_OK && limit < out->max_tokens) {
        if (limit != (double)(int32_t)limit)
            return tern_fail(err, TERN_FORMAT, "%s: %s is %g, not an integer", path, key, limit);
        out->max_tokens = (int32_t)limit;
    }
    return status;
}

static tern_status read_tokenizer_limit(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    return read_limit(out, root, "model_max_length", path, err);
}

static tern_status read_sentence_limit(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    return read_limit(out, root, "max_seq_length", path, err);
}

/* 1_Pooling/config.json: exactly one of pooling_mode_mean_tokens and pooling_mode_cls_token, and no other mode. */
static tern_status read_pooling(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int n_modes = 0;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        int32_t on = 0;
        tern_status status;
        if (!has_prefix(key, "pooling_mode_"))
            continue;
        status = tern_json_get_bool(root, key, 0, &on, path, err);
        if (status != TERN_OK)
            return status;
        if (!on)
            continue;
        if (strcmp(key, "pooling_mode_cls_token") == 0)
            out->pooling = TERN_POOL_CLS;
        else if (strcmp(key, "pooling_mode_mean_tokens") == 0)
            out->pooling = TERN_POOL_MEAN;
        else
            return tern_fail(err, TERN_FORMAT, "%s: %.60s is not supported; mean and cls pooling are", path, key);
        n_modes++;
    }
    if (n_modes != 1)
        return tern_fail(err, TERN_FORMAT,
                         "%s: %d pooling modes are on, exactly one of pooling_mode_mean_tokens and "
                         "pooling_mode_cls_token must be",
                         path, n_modes);
    return TERN_OK;
}

/* Reads directory/name, if it is there, as a JSON object and hands it to `use`. */
static tern_status read_optional(struct tern_config *out, const char *directory, const char *name, size_t limit,
                                 tern_status (*use)(struct tern_config *, const json_t *, const char *, tern_error *),
                                 tern_error *err)
{
    char path[MAX_PATH];
    json_t *root = NULL;
    tern_status status = tern_join_path(path, sizeof path, directory, name, err);

    if (status == TERN_OK)
        status = tern_json_read_file(&root, path, limit, 1, err);
    if (status == TERN_OK && root)
        status = json_is_object(root) ? use(out, root, path, err)
                                      : tern_fail(err, TERN_FORMAT, "%s: not a JSON object", path);
    json_decref(root);
    return status;
}

/* modules.json: what sentence-transformers runs, one after the other. Left out a module (Dense, say), the vectors would
   be wrong without anyone noticing, so unknown ones are refused. */
static tern_status read_modules(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    if (!json_is_array(root))
        return tern_fail(err, TERN_FORMAT, "%s: not a JSON array", path);
    for (size_t i = 0; i < json_array_size(root); i++) {
        const char *type = json_string_value(json_object_get(json_array_get(root, i), "type"));
        const char *where = json_string_value(json_object_get(json_array_get(root, i), "path"));
        if (!type || !where)
            return tern_fail(err, TERN_FORMAT, "%s: module %zu has no type or no path", path, i);
        if (has_suffix(type, ".Normalize"))
            out->normalize = 1;
        else if (has_suffix(type, ".Pooling") ? strcmp(where, "1_Pooling") != 0 : !has_suffix(type, ".Transformer"))
            return tern_fail(err, TERN_FORMAT,
                             "%s: module %.60s in %.60s is not supported; Transformer, Pooling in 1_Pooling and "
                             "Normalize are",
                             path, type, where);
    }
    return TERN_OK;
}

static tern_status read_normalize(struct tern_config *out, const char *directory, tern_error *err)
{
    char path[MAX_PATH];
    json_t *root = NULL;
    tern_status status = tern_join_path(path, sizeof path, directory, "modules.json", err);

    if (status == TERN_OK)
        status = tern_json_read_file(&root, path, MAX_CONFIG, 1, err);
    if (status == TERN_OK && root) {
        status = read_modules(out, root, path, err);
    } else if (status == TERN_OK) {
        status = tern_join_path(path, sizeof path, directory, "2_Normalize", err);
        out->normalize = status == TERN_OK && tern_is_directory(path);
    }
    json_decref(root);
    return status;
}

tern_status tern_config_read_checkpoint(struct tern_config *out, const char *directory, tern_error *err)
{
    char path[MAX_PATH];
    json_t *root = NULL;
    tern_status status;

    memset(out, 0, sizeof *out);
    out->weights = TERN_WEIGHTS_INT8;
    if (!tern_is_directory(directory))
        return tern_fail(err, TERN_IO, "%s: not a directory; a checkpoint is a directory with config.json", directory);
    status = tern_join_path(path, sizeof path, directory, "config.json", err);
    if (status == TERN_OK)
        status = tern_json_read_file(&root, path, MAX_CONFIG, 0, err);
    if (status == TERN_OK)
        status = read_config(out, root, path, err);
    json_decref(root);
    if (status == TERN_OK)
        status = read_optional(out, directory, "tokenizer_config.json", MAX_TOKENIZER, read_tokenizer_limit, err);
    if (status == TERN_OK)
        status = read_optional(out, directory, "sentence_bert_config.json", MAX_CONFIG, read_sentence_limit, err);
    if (status == TERN_OK)
        status = read_optional(out, directory, "1_Pooling/config.json", MAX_CONFIG, read_pooling, err);
    if (status == TERN_OK)
        status = read_normalize(out, directory, err);
    if (status != TERN_OK)
        tern_config_free(out);
    return status;
}
