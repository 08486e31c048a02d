/* Merges adapters of low rank into the weights that they change: W + B A alpha / rank for matrices, W + A B alpha /
   rank for tables of embeddings. Names and formula are those of modeling_lora.py in jinaai's
   xlm-roberta-flash-implementation, which computes with W alone where no task is named. */
#include "quant/lora.h"

#include "models/json.h"
#include "quant/tensor_numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char original[] = ".parametrizations.weight.original", adapted[] = ".parametrizations.weight.0.lora_";

tern_status tern_lora_read_config(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const json_t *const names = json_object_get(root, "lora_adaptations");
    int32_t rank = 4;
    double alpha = 1;
    if (!json_array_size(names))
        return TERN_OK;
    tern_status status = tern_json_get_int(root, "lora_rank", 0, 1, TERN_MAX_HIDDEN, &rank, path, err);
    if (!status)
        status = tern_json_get_real(root, "lora_alpha", 0, -1e6, 1e6, &alpha, path, err);
    out->lora_rank = rank;
    out->lora_scale = alpha / rank;
    out->lora_tasks = (int32_t)json_array_size(names);
    return status;
}

static int ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n > m && !strcmp(name + n - m, end);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tern_tensor *)a)->name, ((const struct tern_tensor *)b)->name);
}

void tern_lora_rename(struct tern_checkpoint *c)
{
    struct tern_tensor *const tensors = c->weights.tensors;
    for (size_t i = 0; c->config.lora_rank && i < c->weights.n_tensors; i++)
        if (ends_with(tensors[i].name, original)) /* the name is one of c->names, and becomes shorter */
            strcpy(c->names + (tensors[i].name - c->names) + strlen(tensors[i].name) - strlen(original), ".weight");
    if (c->config.lora_rank)
        qsort(tensors, c->weights.n_tensors, sizeof *tensors, by_name);
}

/* Factor 'A' or 'B' of the weight X.weight; NULL: there is none. */
static const struct tern_tensor *factor_of(const struct tern_checkpoint *c, const char *weight, char which)
{
    char name[256];
    snprintf(name, sizeof name, "%.*s%s%c", (int)(strlen(weight) - strlen(".weight")), weight, adapted, which);
    return tern_weight_find(&c->weights, name);
}

/* Whether a tensor is [tasks][rows][columns] of floats. */
static int is_shaped(const struct tern_checkpoint *c, const struct tern_tensor *t, int64_t rows, int64_t columns)
{
    return (t->dtype == TERN_F32 || t->dtype == TERN_F16 || t->dtype == TERN_BF16) && t->n_dims == 3 &&
           t->shape[0] == c->config.lora_tasks && t->shape[1] == rows && t->shape[2] == columns;
}

/* A table's factors are the other way round: A has its rows. */
static int is_table(const struct tern_tensor *weight)
{
    return strstr(weight->name, "_embeddings.weight") != NULL;
}

tern_status tern_lora_check(const struct tern_checkpoint *c, uint8_t *used, const char *path, tern_error *err)
{
    const int64_t rank = c->config.lora_rank;
    size_t merged = 0;
    for (size_t i = 0; rank && i < c->weights.n_tensors; i++) {
        const struct tern_tensor *const t = &c->weights.tensors[i];
        if (!ends_with(t->name, ".weight") || t->n_dims != 2)
            continue;
        const struct tern_tensor *const a = factor_of(c, t->name, 'A'), *const b = factor_of(c, t->name, 'B');
        if (!a && !b)
            continue;
        const int table = is_table(t);
        if (!a || !b || !is_shaped(c, a, table ? t->shape[0] : rank, table ? rank : t->shape[1]) ||
            !is_shaped(c, b, table ? rank : t->shape[0], table ? t->shape[1] : rank))
            return tern_fail(err, TERN_FORMAT,
                             "%s: the adapters of %.100s are not the two that config.json's %d tasks of rank %d have",
                             path, t->name, c->config.lora_tasks, c->config.lora_rank);
        used[a - c->weights.tensors] = used[b - c->weights.tensors] = used[i];
        merged += used[i];
    }
    if (*c->config.adapter && rank && !merged)
        return tern_fail(err, TERN_FORMAT, "%s: there is no tensor of the adapter %s; leave out --adapter", path,
                         c->config.adapter);
    return TERN_OK;
}

/* rows * columns numbers of a task's factor, from its number `from` on. */
static void read_factor(float *out, const struct tern_tensor *t, int32_t task, size_t from, size_t count)
{
    struct tern_tensor part = *t;
    const size_t each = (size_t)t->shape[1] * (size_t)t->shape[2];
    part.data = (const char *)t->data + ((size_t)task * each + from) * tern_dtype_bytes(t->dtype);
    tern_tensor_floats(out, &part, count);
}

tern_status tern_lora_add(const struct tern_checkpoint *c, const struct tern_tensor *t, const struct tern_tensor *piece,
                          float *out, size_t count, tern_error *err)
{
    const size_t rank = (size_t)c->config.lora_rank;
    if (!rank || !*c->config.adapter || t->n_dims != 2 || !ends_with(t->name, ".weight"))
        return TERN_OK;
    const size_t width = (size_t)t->shape[1], rows = count / width,
                 before = (size_t)((const char *)piece->data - (const char *)t->data) / tern_dtype_bytes(t->dtype),
                 first = before / width;
    const struct tern_tensor *const a = factor_of(c, t->name, 'A'), *const b = factor_of(c, t->name, 'B');
    if (!a || !b)
        return TERN_OK;
    float *const left = malloc((rows + width) * rank * sizeof *left), *const right = left ? left + rows * rank : NULL;
    if (!left)
        return tern_fail_nomem(err, c->weights.path, (rows + width) * rank * sizeof *left);
    const int table = is_table(t);
    read_factor(left, table ? a : b, c->config.lora_task, first * rank, rows * rank);
    read_factor(right, table ? b : a, c->config.lora_task, 0, rank * width);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) {
            double sum = 0;
            for (size_t r = 0; r < rank; r++)
                sum += (double)left[i * rank + r] * (double)right[r * width + j];
            out[i * width + j] += (float)(sum * c->config.lora_scale);
        }
    free(left);
    return TERN_OK;
}
