/* Brings tables of embeddings to the model's width while a checkpoint is read. */
#include "quant/folded_embeddings.h"

#include "quant/checkpoint_names.h"
#include "quant/tensor_numbers.h"

#include <math.h>
#include <stdlib.h>

static const char *const matrix_name = "embeddings.embed_proj";

int tern_is_folded(const struct tern_config *config, enum tern_part_id part)
{
    return config->folded && (part == TERN_PART_WORD || part == TERN_PART_POSITION || part == TERN_PART_TYPE);
}

static int is_float(enum tern_dtype dtype)
{
    return dtype == TERN_F32 || dtype == TERN_F16 || dtype == TERN_BF16;
}

tern_status tern_folded_check(const struct tern_checkpoint *c, uint8_t *used, const char *path, tern_error *err)
{
    const struct tern_tensor *t = tern_encoder_tensor(&c->weights, &c->config, matrix_name, "weight");
    if (!t)
        return tern_fail(err, TERN_FORMAT, "%s: tensor %s.weight is missing", path, matrix_name);
    if (!is_float(t->dtype) || t->n_dims != 2 || t->shape[0] != c->config.hidden || t->shape[1] != c->config.folded)
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is no matrix of floats [%d, %d]", path, t->name,
                         c->config.hidden, c->config.folded);
    used[t - c->weights.tensors] = 1;
    return TERN_OK;
}

tern_status tern_fold_embeddings(const struct tern_checkpoint *c, const struct tern_tensor *table, float *out,
                                 size_t count, tern_error *err)
{
    const size_t h = (size_t)c->config.hidden, e = (size_t)c->config.folded, one = tern_dtype_bytes(table->dtype);
    const struct tern_tensor *matrix = tern_encoder_tensor(&c->weights, &c->config, matrix_name, "weight");
    float *const m = malloc((e * h + e) * sizeof *m), *const row = m ? m + e * h : NULL;
    tern_status status = m ? TERN_OK : tern_fail_nomem(err, c->weights.path, (e * h + e) * sizeof *m);
    if (!status &&
        (!matrix || matrix->bytes != e * h * tern_dtype_bytes(matrix->dtype) || table->bytes != count / h * e * one))
        status = tern_fail(err, TERN_FORMAT, "%s: tensor %.100s and its matrix have not the numbers asked for",
                           c->weights.path, table->name);
    if (!status)
        tern_tensor_floats(m, matrix, e * h);
    for (size_t i = 0; i < count / h && !status; i++) {
        struct tern_tensor part = *table;
        part.data = (const char *)table->data + i * e * one;
        tern_tensor_floats(row, &part, e);
        for (size_t j = 0; j < h; j++) {
            double sum = 0;
            for (size_t k = 0; k < e; k++)
                sum += (double)row[k] * (double)m[j * e + k];
            out[i * h + j] = (float)sum;
        }
    }
    for (size_t i = 0; i < count && !status; i++)
        if (!isfinite(out[i]))
            status = tern_fail(err, TERN_FORMAT, "%s: tensor %.100s: row %zu is not finite behind its matrix",
                               c->weights.path, table->name, i / h);
    free(m);
    return status;
}
