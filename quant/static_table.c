/* Reads tables of static embeddings. model2vec may have a row for several tokens ("mapping") and weights of the tokens;
   a file has a row for each token, times its weight, so that a run knows of neither. */
#include "quant/static_table.h"

#include "quant/tensor_numbers.h"
#include "runtime/base/file.h"

#include <math.h>
#include <string.h>

enum { MAX_TOKENIZER = 1 << 28 };

static const struct tern_tensor *find_table(const struct tern_weight_files *files)
{
    const struct tern_tensor *t = tern_weight_find(files, "embeddings"); /* model2vec's */
    return t ? t : tern_weight_find(files, "embedding.weight");
}

static int is_whole(const struct tern_tensor *t)
{
    return t->dtype == TERN_I64 || t->dtype == TERN_I32 || t->dtype == TERN_I16;
}

static int is_real(const struct tern_tensor *t)
{
    return t->dtype == TERN_F64 || t->dtype == TERN_F32 || t->dtype == TERN_F16 || t->dtype == TERN_BF16;
}

/* What a tensor of numbers for each token is called, and whether these are real. */
static const struct {
    const char *name;
    int real;
} lists[] = {{"mapping", 0}, {"weights", 1}};

/* vocab and hidden of the tensors, which are checked against each other. */
static tern_status read_shape(const struct tern_weight_files *files, int64_t *vocab, int64_t *hidden, tern_error *err)
{
    const struct tern_tensor *t = find_table(files);
    if (!t)
        return tern_fail(err, TERN_FORMAT,
                         "%s: neither tensor embeddings (model2vec) nor embedding.weight (sentence-transformers) is "
                         "there",
                         files->path);
    const char *const path = tern_weight_path(files, t);
    if ((!is_real(t) && t->dtype != TERN_I8) || t->n_dims != 2 || t->shape[0] < 1 || t->shape[1] < 1 ||
        t->shape[1] > TERN_MAX_HIDDEN)
        return tern_fail(
            err, TERN_FORMAT,
            "%s: tensor %.100s is no table of floats or int8, of a row for each token and up to %d columns", path,
            t->name, TERN_MAX_HIDDEN);
    *vocab = t->shape[0];
    *hidden = t->shape[1];
    for (int i = 0; i < 2; i++) {
        const struct tern_tensor *list = tern_weight_find(files, lists[i].name);
        if (!list)
            continue;
        *vocab = i == 0 && list->n_dims == 1 ? list->shape[0] : *vocab;
        if (list->n_dims != 1 || list->shape[0] != *vocab || (lists[i].real ? !is_real(list) : !is_whole(list)))
            return tern_fail(err, TERN_FORMAT, "%s: tensor %s is no list of %lld %s", path, lists[i].name,
                             (long long)*vocab, lists[i].real ? "floats" : "whole numbers");
    }
    if (*vocab < 1 || *vocab > TERN_MAX_VOCAB)
        return tern_fail(err, TERN_FORMAT, "%s: %lld tokens, the limit is %d", path, (long long)*vocab, TERN_MAX_VOCAB);
    return TERN_OK;
}

/* sentence-transformers cuts texts where its tokenizer.json says so, if at all. */
static tern_status read_truncation(struct tern_config *out, const char *folder, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    const char *direction = "Right";
    int32_t most = out->max_tokens;
    tern_status status = tern_join_path(path, sizeof path, folder, "tokenizer.json", err);
    if (!status)
        status = tern_json_read_file(&root, path, MAX_TOKENIZER, 1, err);
    const json_t *const truncation = json_object_get(root, "truncation");
    if (!status)
        status = tern_json_get_string(truncation, "direction", 0, &direction, path, err);
    if (!status && strcmp(direction, "Right") != 0)
        status = tern_fail(err, TERN_FORMAT, "%s: truncation in the direction %.20s is not supported; Right is", path,
                           direction);
    if (!status)
        status = tern_json_get_int(truncation, "max_length", 0, 3, INT32_MAX, &most, path, err);
    out->max_tokens = most < out->max_tokens ? most : out->max_tokens;
    json_decref(root);
    return status;
}

tern_status tern_static_config(struct tern_config *out, const struct tern_sentence_folder *folder, const json_t *root,
                               const char *path, tern_error *err)
{
    struct tern_weight_files files = {0};
    int64_t vocab = 0, hidden = 0;
    tern_status status = tern_weight_files_open(&files, folder->transformer, err);
    if (!status)
        status = read_shape(&files, &vocab, &hidden, err);
    tern_weight_files_close(&files);
    out->architecture = TERN_STATIC_TABLE;
    out->vocab = (int32_t)vocab;
    out->hidden = (int32_t)hidden;
    out->no_positions = out->no_embed_norm = 1;
    out->max_positions = out->max_tokens = TERN_MAX_POSITIONS;
    if (!status && folder->is_model2vec) {
        out->max_tokens =
            folder->most_tokens && folder->most_tokens < TERN_MAX_POSITIONS ? folder->most_tokens : TERN_MAX_POSITIONS;
        return tern_json_get_bool(root, "normalize", 0, &out->normalize, path, err);
    }
    return status ? status : read_truncation(out, folder->transformer, err);
}

tern_status tern_static_check(const struct tern_weight_files *files, const struct tern_config *config, uint8_t *used,
                              tern_error *err)
{
    int64_t vocab = 0, hidden = 0;
    const tern_status status = read_shape(files, &vocab, &hidden, err);
    if (status)
        return status;
    if (vocab != config->vocab || hidden != config->hidden)
        return tern_fail(err, TERN_FORMAT, "%s: the table of embeddings has changed while it was read", files->path);
    used[find_table(files) - files->tensors] = 1;
    for (int i = 0; i < 2; i++) {
        const struct tern_tensor *list = tern_weight_find(files, lists[i].name);
        if (list)
            used[list - files->tensors] = 1;
    }
    return TERN_OK;
}

tern_status tern_static_read(const struct tern_weight_files *files, const struct tern_config *config, float *out,
                             size_t count, tern_error *err)
{
    const struct tern_tensor *table = find_table(files), *mapping = tern_weight_find(files, lists[0].name),
                             *weights = tern_weight_find(files, lists[1].name);
    const size_t h = (size_t)config->hidden;
    if (!table || count != (size_t)config->vocab * h)
        return tern_fail(err, TERN_FORMAT, "%s: the table of embeddings has not the %zu numbers asked for", files->path,
                         count);
    for (size_t i = 0; i < (size_t)config->vocab; i++) {
        const double at = mapping ? tern_tensor_number(mapping, i) : (double)i;
        const double weight = weights ? tern_tensor_number(weights, i) : 1;
        if (!(at >= 0 && at < (double)table->shape[0]))
            return tern_fail(err, TERN_FORMAT, "%s: mapping gives token %zu row %.0f of %lld", files->path, i, at,
                             (long long)table->shape[0]);
        for (size_t j = 0; j < h; j++) {
            const double x = tern_tensor_number(table, (size_t)at * h + j) * weight;
            out[i * h + j] = (float)x;
            if (!isfinite(out[i * h + j]))
                return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s: number %zu of token %zu is not finite",
                                 files->path, table->name, j, i);
        }
    }
    return TERN_OK;
}
