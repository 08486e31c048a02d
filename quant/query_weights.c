/* Reads the weights of tokens in queries: a tensor of sentence-transformers' SparseStaticEmbedding, or a JSON object of
   pieces and weights (idf.json, as OpenSearch's models have it). */
#include "quant/query_weights.h"

#include "quant/check_texts.h"
#include "quant/sentence_files.h"
#include "quant/tensor_numbers.h"
#include "quant/weight_files.h"
#include "runtime/base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 26, MOST_PIECE = 512, MOST_IDS = 64 };

/* ---- Where they come from ---------------------------------------------------------------------------------------- */

/* Each piece's weight by its text; pieces that the object does not have weigh 0. */
static tern_status from_object(struct tern_config *out, const tern_tokenizer *tokenizer, const json_t *root,
                               const char *path, tern_error *err)
{
    const int32_t pieces = tern_vocab_size(tokenizer), n = pieces < out->vocab ? pieces : out->vocab;
    char text[MOST_PIECE + 1];
    int any = 0;
    if (!json_is_object(root))
        return tern_fail(err, TERN_FORMAT, "%s: is no object of pieces and their weights", path);
    for (int32_t i = 0; i < n; i++) {
        size_t bytes;
        const char *const piece = tern_token_text(tokenizer, i, &bytes);
        if (!piece || !bytes || bytes > MOST_PIECE)
            continue;
        memcpy(text, piece, bytes);
        text[bytes] = 0;
        const json_t *const weight = json_object_get(root, text);
        if (weight && !json_is_number(weight))
            return tern_fail(err, TERN_FORMAT, "%s: the weight of %.60s is no number", path, text);
        any |= weight != NULL;
        out->query_weights[i] = (float)json_number_value(weight);
    }
    return any ? TERN_OK : tern_fail(err, TERN_FORMAT, "%s: has no weight of any piece of the vocabulary", path);
}

static tern_status from_json(struct tern_config *out, const tern_tokenizer *tokenizer, const char *path, int *found,
                             tern_error *err)
{
    json_t *root = NULL;
    tern_status status = tern_json_read_file(&root, path, MOST_BYTES, 1, err);
    *found = root != NULL;
    if (root)
        status = from_object(out, tokenizer, root, path, err);
    json_decref(root);
    return status;
}

static tern_status from_tensor(struct tern_config *out, const char *folder, tern_error *err)
{
    struct tern_weight_files files = {0};
    tern_status status = tern_weight_files_open(&files, folder, err);
    const struct tern_tensor *const t = status ? NULL : tern_weight_find(&files, "weight");
    if (!status && (!t || t->n_dims != 1 || t->shape[0] < 1 || t->shape[0] > out->vocab ||
                    (t->dtype != TERN_F32 && t->dtype != TERN_F16 && t->dtype != TERN_BF16 && t->dtype != TERN_F64)))
        status = tern_fail(err, TERN_FORMAT, "%s: has no tensor `weight` of one float for each of at most %d tokens",
                           files.path, out->vocab);
    for (int64_t i = 0; t && !status && i < t->shape[0]; i++)
        out->query_weights[i] = (float)tern_tensor_number(t, (size_t)i);
    tern_weight_files_close(&files);
    return status;
}

/* ---- The module -------------------------------------------------------------------------------------------------- */

/* A file has one tokenizer: that of queries must be that of documents. */
static tern_status check_same(const tern_tokenizer *a, const tern_tokenizer *b, const char *folder, tern_error *err)
{
    int same = tern_vocab_size(a) == tern_vocab_size(b);
    for (int32_t i = 0; same && i < tern_vocab_size(a); i++) {
        size_t m = 0, n = 0;
        const char *const x = tern_token_text(a, i, &m), *const y = tern_token_text(b, i, &n);
        same = !x == !y && m == n && (!x || !memcmp(x, y, m));
    }
    for (int i = 0; same && i < TERN_CHECK_TEXTS; i++) {
        int32_t ids[2][MOST_IDS];
        const tern_text text = {.text = tern_check_texts[i], .text_bytes = strlen(tern_check_texts[i])};
        tern_tokens tokens[2];
        for (int k = 0; k < 2; k++) {
            tokens[k] = (tern_tokens){.struct_bytes = sizeof *tokens, .capacity = MOST_IDS, .ids = ids[k]};
            const tern_status status = tern_tokenize(k ? b : a, &text, TERN_TRUNCATE_HEAD, &tokens[k], err);
            if (status)
                return status;
        }
        same = tokens[0].count == tokens[1].count && !memcmp(ids[0], ids[1], tokens[0].count * sizeof *ids[0]);
    }
    return same ? TERN_OK
                : tern_fail(err, TERN_FORMAT,
                            "%s: its tokenizer is not that of documents; queries and documents must share one", folder);
}

/* Its config.json names the file of the weights, where they are no tensor. */
static tern_status read_module(struct tern_config *out, const struct tern_module *m, const tern_tokenizer *tokenizer,
                               tern_error *err)
{
    static const struct tern_file_key keys[] = {{"frozen", tern_key_any}, {"path", tern_key_read}, {NULL, NULL}};
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    tern_tokenizer *own = NULL;
    const char *file = NULL;
    int found = 0;
    tern_status status = tern_join_path(path, sizeof path, m->path, "config.json", err);
    if (!status)
        status = tern_json_read_file(&root, path, TERN_MAX_MODULE_FILE, 0, err);
    if (!status)
        status = tern_file_keys_check(root, keys, path, err);
    if (!status)
        status = tern_json_get_string(root, "path", 0, &file, path, err);
    if (!status && file) {
        const char *const slash = strrchr(file, '/');
        status = tern_join_path(path, sizeof path, m->path, slash ? slash + 1 : file, err);
        if (!status)
            status = from_json(out, tokenizer, path, &found, err);
        if (!status && !found)
            status = tern_fail(err, TERN_IO, "%s: is missing; put it there, where config.json names it", path);
    }
    if (!status && !file)
        status = from_tensor(out, m->path, err);
    json_decref(root);
    if (!status)
        status = tern_tokenizer_open(&own, m->path, err);
    if (!status)
        status = check_same(tokenizer, own, m->path, err);
    tern_tokenizer_close(own);
    return status;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

/* idf.json beside the weights; NULL where there is none. */
static tern_status find_beside(json_t **out, char path[TERN_MAX_FOLDER], const struct tern_sentence_folder *folder,
                               tern_error *err)
{
    const tern_status status = tern_join_path(path, TERN_MAX_FOLDER, folder->transformer, "idf.json", err);
    return status ? status : tern_json_read_file(out, path, MOST_BYTES, 1, err);
}

/* From the module of queries, or else from `beside`, which is called `path`. */
static tern_status fill(struct tern_config *out, const struct tern_sentence_folder *folder, const json_t *beside,
                        const char *path, tern_error *err)
{
    tern_tokenizer *tokenizer = NULL;
    out->query_weights = calloc((size_t)out->vocab, sizeof *out->query_weights);
    if (!out->query_weights)
        return tern_fail_nomem(err, "weights of queries", (size_t)out->vocab * sizeof *out->query_weights);
    tern_status status = tern_tokenizer_open(&tokenizer, folder->transformer, err);
    if (!status)
        status = folder->query ? read_module(out, folder->query, tokenizer, err)
                               : from_object(out, tokenizer, beside, path, err);
    tern_tokenizer_close(tokenizer);
    return status;
}

tern_status tern_query_weights_read(struct tern_config *out, const struct tern_purpose *purpose,
                                    const struct tern_sentence_folder *folder, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    json_t *beside = NULL;
    const int words = purpose->settled && purpose->head == TERN_HEAD_FILLER;
    if (!folder->query && (folder->has_modules_json || !words))
        return TERN_OK;
    if (folder->query && out->vectors != TERN_VECTORS_SPARSE)
        return tern_fail(err, TERN_FORMAT, "%s: queries have sparse vectors, and documents have none",
                         folder->query->path);
    tern_status status = folder->query ? TERN_OK : find_beside(&beside, path, folder, err);
    if (status || (!folder->query && !beside))
        return status;
    out->vectors = TERN_VECTORS_SPARSE;
    status = fill(out, folder, beside, path, err);
    json_decref(beside);
    for (int32_t i = 0; !status && out->query_weights && i < out->vocab; i++)
        if (!isfinite(out->query_weights[i]))
            status = tern_fail(err, TERN_FORMAT, "%s: the weight of token %d in queries is not finite",
                               folder->query ? folder->query->path : folder->transformer, i);
    out->sparse.looked_up = !status;
    return status;
}
