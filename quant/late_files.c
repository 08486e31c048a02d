/* Reads how ColBERT's queries and documents are made into tokens. Precedence and defaults are those of
   sentence-transformers' MultiVectorEncoder, which loads all three layouts: its own, PyLate's, and Stanford's
   (artifact.metadata, the last layer among the encoder's weights). */
#include "quant/late_files.h"

#include "models/config_private.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ tern_key_read
#define ANY tern_key_any
#define OFF tern_key_off

/* string.punctuation of Python, which PyLate and Stanford's ColBERT leave out of documents. */
static const char punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
enum { QUERY_TOKENS = 32, DIMENSIONS = 128 };

const struct tern_file_key tern_late_keys[] = {{"__version__", ANY},
                                               {"requirements", ANY},
                                               {"similarity_fn_name", ANY},
                                               {"prompts", READ},
                                               {"default_prompt_name", READ},
                                               {"truncate_dim", OFF},
                                               {"model_type", READ},
                                               {"query_prefix", READ},
                                               {"document_prefix", READ},
                                               {"query_length", READ},
                                               {"document_length", READ},
                                               {"query_expansion", READ},
                                               {"do_query_expansion", READ},
                                               {"attend_to_expansion_tokens", READ},
                                               {"attend_to_mask_tokens", READ},
                                               {"skiplist_words", READ},
                                               {NULL, NULL}};

/* Keys that PyLate alone writes. */
static int is_pylate(const json_t *settings)
{
    static const char *const marks[] = {"query_prefix",       "document_prefix",           "query_length",
                                        "document_length",    "attend_to_mask_tokens",     "skiplist_words",
                                        "do_query_expansion", "attend_to_expansion_tokens"};
    const char *const type = json_string_value(json_object_get(settings, "model_type"));
    int any = type && !strcmp(type, "ColBERT");
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        any |= json_object_get(settings, marks[i]) != NULL;
    return any;
}

int tern_late_is(const struct tern_sentence_folder *f, const json_t *settings)
{
    const char *const type = json_string_value(json_object_get(settings, "model_type"));
    int late = f->is_colbert || is_pylate(settings) || (type && !strcmp(type, "MultiVectorEncoder"));
    for (int i = 0; i < f->n_modules; i++)
        late |= !strncmp(f->modules[i].type, "pylate.", 7);
    for (int i = 0; i < f->n_modules; i++) /* pools: such keys are none of its own */
        late &= f->modules[i].kind != TERN_MODULE_POOLING;
    return late;
}

/* ---- Words to ids ------------------------------------------------------------------------------------------------ */

/* What the readers below fill, and with what. */
struct reader {
    struct tern_config *out;
    const struct tern_sentence_folder *folder;
    tern_tokenizer *tokenizer;
    const char *path; /* of the file that is read */
    tern_error *err;
};

/* The id of a piece as the vocabulary has it, or -1. */
static int32_t id_of(const struct reader *r, const char *piece, size_t n)
{
    const int32_t vocab = tern_vocab_size(r->tokenizer);
    for (int32_t i = 0; i < vocab; i++) {
        size_t bytes;
        const char *const text = tern_token_text(r->tokenizer, i, &bytes);
        if (text && bytes == n && !memcmp(text, piece, n))
            return i;
    }
    return -1;
}

/* Words that are no piece are left out, as sentence-transformers leaves them out. */
static tern_status add_skipped(const struct reader *r, const char *word, size_t n)
{
    struct tern_late_spec *const late = &r->out->late;
    const int32_t id = id_of(r, word, n);
    if (id < 0)
        return TERN_OK;
    if (late->n_skip == TERN_MAX_SKIP)
        return tern_fail(r->err, TERN_FORMAT, "%s: skiplist_words has more than %d words", r->path, TERN_MAX_SKIP);
    late->skip[late->n_skip++] = id;
    return TERN_OK;
}

static tern_status skip_punctuation(const struct reader *r)
{
    tern_status status = TERN_OK;
    for (const char *c = punctuation; *c && !status; c++)
        status = add_skipped(r, c, 1);
    return status;
}

static tern_status skip_words(const struct reader *r, const json_t *words)
{
    tern_status status = TERN_OK;
    if (!json_is_array(words))
        return tern_fail(r->err, TERN_FORMAT, "%s: skiplist_words is no list", r->path);
    for (size_t i = 0; i < json_array_size(words) && !status; i++) {
        const char *const word = json_string_value(json_array_get(words, i));
        status = word ? add_skipped(r, word, strlen(word))
                      : tern_fail(r->err, TERN_FORMAT, "%s: skiplist_words has what is no word", r->path);
    }
    return status;
}

/* A mark that the vocabulary has becomes a token; another one is text, which is put before what the prompt is. */
static tern_status take_prefix(const struct reader *r, int32_t *out, const char *name, const char *prefix)
{
    const size_t word = strcspn(prefix, " ");
    int32_t id = *prefix ? id_of(r, prefix, strlen(prefix)) : -1;
    if (id < 0 && word)
        id = id_of(r, prefix, word);
    *out = id + 1;
    if (id >= 0 || !*prefix)
        return TERN_OK;
    return tern_fail(r->err, TERN_FORMAT,
                     "%s: the mark of a %s, %.40s, is none of the vocabulary's pieces; make it a prompt of that name, "
                     "and set its prefix to null",
                     r->path, name, prefix);
}

/* ---- Lengths and filling ----------------------------------------------------------------------------------------- */

static tern_status read_length(const struct reader *r, int32_t *out, const json_t *root, const char *key)
{
    return tern_json_get_int(root, key, 0, TERN_MIN_TOKENS, INT32_MAX, out, r->path, r->err);
}

static tern_status fill_with(const struct reader *r, int32_t id, int32_t length, int32_t seen)
{
    struct tern_late_spec *const late = &r->out->late;
    if (id < 0)
        return tern_fail(r->err, TERN_FORMAT, "%s: queries are filled up, and the vocabulary has no mask token",
                         r->path);
    late->fill = id;
    late->fill_to = length;
    late->fill_seen = seen;
    return TERN_OK;
}

/* {"strategy": "fixed", "attend": false, "token": null, "length": 32} */
static tern_status read_expansion(const struct reader *r, const json_t *root)
{
    static const struct tern_file_key keys[] = {
        {"strategy", READ}, {"attend", READ}, {"token", READ}, {"length", READ}, {NULL, NULL}};
    struct tern_late_spec *const late = &r->out->late;
    const char *strategy = "", *token = NULL;
    int32_t length = 0, seen = 0;
    if (!root || json_is_null(root))
        return TERN_OK;
    if (!json_is_object(root))
        return tern_fail(r->err, TERN_FORMAT, "%s: query_expansion is not an object", r->path);
    tern_status status = tern_file_keys_check(root, keys, r->path, r->err);
    if (!status)
        status = tern_json_get_string(root, "strategy", 1, &strategy, r->path, r->err);
    if (!status)
        status = tern_json_get_string(root, "token", 0, &token, r->path, r->err);
    if (!status)
        status = tern_json_get_bool(root, "attend", 0, &seen, r->path, r->err);
    if (!status)
        status = tern_json_get_int(root, "length", 1, TERN_MIN_TOKENS, INT32_MAX, &length, r->path, r->err);
    const int fixed = !strcmp(strategy, "fixed");
    if (!status && !fixed && strcmp(strategy, "min") != 0)
        status = tern_fail(r->err, TERN_FORMAT,
                           "%s: strategy %.60s of query_expansion is not supported; fixed and min "
                           "are",
                           r->path, strategy);
    if (fixed)
        late->query_tokens = length;
    else if (late->query_tokens && late->query_tokens < length)
        late->query_tokens = length;
    return status ? status
                  : fill_with(r, token ? id_of(r, token, strlen(token)) : tern_mask_id(r->tokenizer), length, seen);
}

/* ---- The three layouts ------------------------------------------------------------------------------------------- */

/* The module's own file. */
static tern_status read_mask(const struct reader *of, const struct tern_module *m)
{
    struct reader own = *of, *const r = &own;
    static const struct tern_file_key keys[] = {
        {"skiplist_words", READ}, {"skiplist_tasks", READ}, {"keep_only_token_ids", OFF}, {NULL, NULL}};
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    tern_status status = tern_join_path(path, sizeof path, m->path, "config.json", r->err);
    if (!status)
        status = tern_json_read_file(&root, path, TERN_MAX_MODULE_FILE, 0, r->err);
    r->path = path;
    if (!status)
        status = tern_file_keys_check(root, keys, path, r->err);
    const json_t *const tasks = json_object_get(root, "skiplist_tasks"), *const words =
                                                                             json_object_get(root, "skiplist_words");
    int documents = !tasks || json_is_null(tasks);
    for (size_t i = 0; i < json_array_size(tasks); i++) {
        const char *const task = json_string_value(json_array_get(tasks, i));
        const int document = task && !strcmp(task, "document"), query = task && !strcmp(task, "query");
        documents |= document;
        r->out->late.skip_queries |= query;
        if (!status && !document && !query)
            status = tern_fail(r->err, TERN_FORMAT, "%s: skiplist_tasks has %.40s; query and document are supported",
                               path, task ? task : "no word");
    }
    if (!status && words && !documents && json_array_size(words))
        status = tern_fail(r->err, TERN_FORMAT, "%s: skiplist_tasks without document is not supported", path);
    if (!status && words && !json_is_null(words))
        status = skip_words(r, words);
    json_decref(root);
    return status;
}

static tern_status read_native(const struct reader *of)
{
    struct reader own = *of, *const r = &own;
    const struct tern_sentence_folder *const f = r->folder;
    struct tern_late_spec *const late = &r->out->late;
    r->path = f->config_path;
    tern_status status = read_length(r, &late->query_tokens, f->config, "query_length");
    if (!status)
        status = read_length(r, &late->document_tokens, f->config, "document_length");
    if (!status)
        status = read_expansion(r, json_object_get(f->config, "query_expansion"));
    for (int i = 0; i < f->n_modules && !status; i++)
        if (f->modules[i].kind == TERN_MODULE_MASK)
            status = read_mask(r, &f->modules[i]);
    return status;
}

static tern_status read_pylate(const struct reader *r, const json_t *settings)
{
    struct tern_late_spec *const late = &r->out->late;
    const json_t *const words = json_object_get(settings, "skiplist_words"), *const expansion = json_object_get(
                                                                                 settings, "query_expansion");
    const char *prefix[2] = {"", ""};
    int32_t fills = 1, seen = 0, length = 0;
    tern_status status = tern_json_get_string(settings, "query_prefix", 0, &prefix[0], r->path, r->err);
    if (!status)
        status = tern_json_get_string(settings, "document_prefix", 0, &prefix[1], r->path, r->err);
    if (!status)
        status = take_prefix(r, &late->query_prefix, "query", prefix[0]);
    if (!status)
        status = take_prefix(r, &late->document_prefix, "document", prefix[1]);
    if (!status)
        status = read_length(r, &length, settings, "query_length");
    if (!status)
        status = read_length(r, &late->document_tokens, settings, "document_length");
    if (!status)
        status = tern_json_get_bool(settings, "do_query_expansion", 0, &fills, r->path, r->err);
    if (!status)
        status = tern_json_get_bool(settings, "attend_to_mask_tokens", 0, &seen, r->path, r->err);
    if (!status)
        status = tern_json_get_bool(settings, "attend_to_expansion_tokens", 0, &seen, r->path, r->err);
    late->query_tokens = length;
    if (!status && expansion)
        status = read_expansion(r, expansion);
    else if (!status && fills) {
        late->query_tokens = length ? length : QUERY_TOKENS;
        status = fill_with(r, tern_mask_id(r->tokenizer), late->query_tokens, seen);
    }
    r->out->normalize = 1;
    if (status)
        return status;
    return words && !json_is_null(words) ? skip_words(r, words) : skip_punctuation(r);
}

/* Of artifact.metadata, most of which is about training and indexes, what a vector goes by. */
static tern_status read_stanford(const struct reader *of)
{
    struct reader own = *of, *const r = &own;
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    struct tern_late_spec *const late = &r->out->late;
    const char *query = "[unused0]", *document = "[unused1]";
    int32_t seen = 0, skips = 1, dimensions = DIMENSIONS;
    late->query_tokens = QUERY_TOKENS;
    late->beside = 1;
    tern_status status = tern_join_path(path, sizeof path, r->folder->transformer, "artifact.metadata", r->err);
    if (!status)
        status = tern_json_read_file(&root, path, TERN_MAX_MODULE_FILE, 1, r->err);
    r->path = path;
    if (!status)
        status = tern_json_get_string(root, "query_token_id", 0, &query, path, r->err);
    if (!status)
        status = tern_json_get_string(root, "doc_token_id", 0, &document, path, r->err);
    if (!status)
        status = read_length(r, &late->query_tokens, root, "query_maxlen");
    if (!status)
        status = read_length(r, &late->document_tokens, root, "doc_maxlen");
    if (!status)
        status = tern_json_get_bool(root, "attend_to_mask_tokens", 0, &seen, path, r->err);
    if (!status)
        status = tern_json_get_bool(root, "mask_punctuation", 0, &skips, path, r->err);
    if (!status)
        status = tern_json_get_int(root, "dim", 0, 1, TERN_MAX_WIDTH, &dimensions, path, r->err);
    if (!status)
        status = take_prefix(r, &late->query_prefix, "query", query);
    if (!status)
        status = take_prefix(r, &late->document_prefix, "document", document);
    if (!status)
        status = fill_with(r, tern_mask_id(r->tokenizer), late->query_tokens, seen);
    if (!status && skips)
        status = skip_punctuation(r);
    json_decref(root);
    r->out->dense[0] = (struct tern_dense_spec){.outputs = dimensions, .activation = TERN_DENSE_IDENTITY};
    r->out->n_dense = 1;
    r->out->normalize = 1;
    return status;
}

/* Lengths of queries and documents count where they are more than the transformer's own limit, too: PyLate leaves its
   marks out of that. None is above the positions. */
static void settle_lengths(struct tern_config *out)
{
    int32_t *const lengths[] = {&out->late.query_tokens, &out->late.document_tokens, &out->late.fill_to};
    for (int i = 0; i < 3; i++) {
        if (*lengths[i] > out->max_positions)
            *lengths[i] = out->max_positions;
        if (*lengths[i] > out->max_tokens)
            out->max_tokens = *lengths[i];
    }
}

tern_status tern_late_read(struct tern_config *out, const struct tern_sentence_folder *folder, const json_t *settings,
                           const char *path, tern_error *err)
{
    struct reader r = {.out = out, .folder = folder, .path = path, .err = err};
    tern_status status = tern_tokenizer_open(&r.tokenizer, folder->transformer, err);
    if (!status && folder->is_colbert)
        status = read_stanford(&r);
    else if (!status && is_pylate(settings))
        status = read_pylate(&r, settings);
    else if (!status)
        status = read_native(&r);
    tern_tokenizer_close(r.tokenizer);
    settle_lengths(out);
    return status;
}
