/* The configuration of a Hugging Face checkpoint directory: config.json. */
#include "quant/checkpoint_config.h"

#include "models/config_private.h"
#include "models/json.h"
#include "quant/config_keys.h"
#include "quant/convert.h"
#include "quant/families.h"
#include "quant/family_readers.h"
#include "quant/query_weights.h"
#include "quant/sentence_files.h"
#include "quant/static_table.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_PATH = 4096,
    MAX_CONFIG = 1 << 20, /* bytes of a JSON file */
};

static int has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
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

/* What Tern lacks for encoders that people may take for supported ones. */
static const char *lacking(const char *type)
{
    static const struct {
        const char *type, *part;
    } others[] = {
        {"mra", ": attention that sees blocks of keys by their means, and others exactly, as scores choose them"},
        {"funnel", ": layers that pool their queries, and positions relative to these"},
        {"gemma3_text", ": norms of queries and keys, and norms behind attention and feed-forward that are added"},
        {"qwen3", ": attention to earlier tokens alone, and norms of queries and keys"},
        {"modernbert-decoder", ": attention to earlier tokens alone"},
        {"t5", ": an encoder of scores without a divisor, with a decoder behind it"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!strcmp(type, others[i].type))
            return others[i].part;
    return "";
}

/* model_type says which; old checkpoints have only `architectures`, or (Google's, TinyBERT) BERT's numbers and
   neither. */
static tern_status read_architecture(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *type = NULL, *class = NULL;
    tern_status status = tern_json_get_string(root, "model_type", 0, &type, path, err);
    int index = TERN_BERT;

    if (status == TERN_OK)
        status = tern_class_read(&class, root, path, err);
    if (status != TERN_OK)
        return status;
    const int by_class = class ? family_of_class(class) : -1;
    const char *const of_class = by_class >= 0 ? tern_checkpoint_families[by_class].type : NULL;
    if (tern_is_published_jina3(root))
        index = TERN_JINA3;
    else if (type && of_class && !strcmp(type, of_class))
        index = by_class;
    else if (type)
        index = family_of_type(type);
    else if (class)
        index = by_class;
    else if (!json_object_get(root, "hidden_size") || !json_object_get(root, "type_vocab_size"))
        return tern_fail(err, TERN_FORMAT, "%s: neither model_type nor architectures say what the model is", path);
    if (index < 0)
        return tern_fail(err, TERN_FORMAT,
                         "%s: model type %.60s is not supported%s; tern info --families lists what is", path,
                         type ? type : class, lacking(type ? type : ""));
    out->architecture = (enum tern_architecture)index;
    return TERN_OK;
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

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Answers name their label, and of two that are alike nobody could tell which is meant. */
static tern_status check_labels(const struct tern_config *config, const char *path, tern_error *err)
{
    const size_t n = (size_t)config->n_labels;
    const char **sorted = n ? malloc(n * sizeof *sorted) : NULL;
    tern_status status = n && !sorted ? tern_fail_nomem(err, path, n * sizeof *sorted) : TERN_OK;
    for (size_t i = 0; i < n && !status; i++)
        sorted[i] = config->labels[i];
    if (n && !status)
        qsort(sorted, n, sizeof *sorted, by_text);
    for (size_t i = 1; i < n && !status; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            status = tern_fail(err, TERN_FORMAT,
                               "%s: id2label has the label \"%.60s\" twice, so that answers could not be told apart; "
                               "give each a name of its own",
                               path, sorted[i]);
    free(sorted);
    return status;
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
        if (!json_is_string(value) && !json_is_integer(value))
            return tern_fail(err, TERN_FORMAT, "%s: label %d of id2label is not a string", path, i);
        char number[24]; /* classes that somebody counted, or stars: {"0": 1} */
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        status = tern_config_set_label(out, i, json_is_string(value) ? json_string_value(value) : number, path, err);
    }
    return status == TERN_OK ? check_labels(out, path, err) : status;
}

/* Which of its adapters the model has: the one asked for, else the one that config.json names as usual. */
static tern_status settle_adapter(struct tern_config *out, const struct tern_purpose *purpose, const json_t *root,
                                  const char *path, tern_error *err)
{
    const char *const key = tern_checkpoint_families[out->architecture].adapters, *usual = NULL;
    const char *const asked = purpose->options ? purpose->options->adapter : NULL;
    if (!key)
        return asked ? tern_fail(err, TERN_USAGE, "%s: adapter '%.60s': a %s has no adapters; leave the option out",
                                 path, asked, tern_architecture_name(out->architecture))
                     : TERN_OK;
    const json_t *const names = json_object_get(root, key);
    if (!asked && !json_is_null(json_object_get(root, "default_language"))) {
        const tern_status status = tern_json_get_string(root, "default_language", 0, &usual, path, err);
        if (status)
            return status;
    }
    const char *const wanted = asked ? asked : usual;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *const name = json_string_value(json_array_get(names, i));
        if (wanted && name && !strcmp(name, wanted) && strlen(name) < sizeof out->adapter) {
            out->lora_task = (int32_t)i;
            snprintf(out->adapter, sizeof out->adapter, "%s", name);
            tern_say(purpose->options, "adapter: %s, one of %zu (%s)", name, json_array_size(names),
                     usual ? "default_language; --adapter NAME takes another" : "asked for");
            return TERN_OK;
        }
    }
    if (!asked && (out->lora_rank || !json_array_size(names)) && !usual) {
        if (out->lora_rank)
            tern_say(purpose->options, "adapter: none of %zu, as without a task; --adapter NAME takes one",
                     json_array_size(names));
        return TERN_OK;
    }
    const char *const first = json_string_value(json_array_get(names, 0));
    return tern_fail(err, asked ? TERN_USAGE : TERN_FORMAT,
                     "%s: the adapter %s; choose one of the %zu that %s lists with --adapter NAME, as %.60s", path,
                     asked ? "that is asked for is not there" : "that default_language names is not there",
                     json_array_size(names), key, first ? first : "none");
}

static tern_status read_config(struct tern_config *out, struct tern_purpose *purpose, const json_t *root,
                               const struct tern_sentence_folder *folder, const char *directory, const char *path,
                               tern_error *err)
{
    tern_status status;

    if (!json_is_object(root))
        return tern_fail(err, TERN_FORMAT, "%s: not a JSON object", path);
    out->layer_norm_eps = 1e-12;
    if (folder->is_static) {
        status = tern_static_config(out, folder, root, path, err);
    } else {
        status = read_architecture(out, root, path, err);
        if (status == TERN_OK && tern_checkpoint_families[out->architecture].eps > 0)
            out->layer_norm_eps = tern_checkpoint_families[out->architecture].eps;
        if (status == TERN_OK)
            status = tern_checkpoint_families[out->architecture].read(out, root, path, err);
        out->max_tokens = out->max_positions;
    }
    if (status == TERN_OK)
        status = settle_adapter(out, purpose, root, path, err);
    if (status == TERN_OK)
        status = tern_config_keys_check(root, out, path, err);
    if (status == TERN_OK)
        status = tern_purpose_settle(purpose, root, out->architecture, folder, directory, path, err);
    if (status == TERN_OK)
        status = read_labels(out, root, path, err);
    out->untied = json_is_false(json_object_get(root, "tie_word_embeddings"));
    return status == TERN_OK ? tern_config_check(out, path, err) : status;
}

tern_status tern_config_read_checkpoint(struct tern_config *out, struct tern_purpose *purpose, const char *directory,
                                        tern_error *err)
{
    char path[MAX_PATH];
    json_t *root = NULL;
    struct tern_sentence_folder folder = {0};
    tern_status status;

    memset(out, 0, sizeof *out);
    out->weights = TERN_WEIGHTS_INT8;
    if (!tern_is_directory(directory))
        return tern_fail(err, TERN_IO, "%s: not a directory; a checkpoint is a directory with config.json", directory);
    status = tern_sentence_folder_open(&folder, directory, err);
    if (status == TERN_OK)
        status = tern_join_path(path, sizeof path, folder.transformer, "config.json", err);
    if (status == TERN_OK)
        status = tern_json_read_file(&root, path, MAX_CONFIG, folder.is_static, err);
    if (status == TERN_OK && !root)
        root = json_object(); /* sentence-transformers writes none of a StaticEmbedding */
    if (status == TERN_OK)
        status = read_config(out, purpose, root, &folder, directory, path, err);
    json_decref(root);
    if (status == TERN_OK)
        status = tern_sentence_files_read(out, &folder, directory, err);
    if (status == TERN_OK)
        status = tern_query_weights_read(out, purpose, &folder, err);
    tern_sentence_folder_close(&folder);
    if (status != TERN_OK)
        tern_config_free(out);
    return status;
}
