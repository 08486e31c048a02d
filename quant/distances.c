/* Makes the tables of DeBERTa's layers by which scores know distances. */
#include "quant/distances.h"

#include "quant/checkpoint_names.h"
#include "quant/families.h"
#include "quant/tensor_numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* transformers' make_log_bucket_position, in float32 as PyTorch computes it: exact up to half of the buckets, then by
   the logarithm; odd, so that keys and queries go by the same rows. */
int tern_distance_row(const struct tern_table_spec *t, int distance)
{
    const int mid = t->buckets / 2, far = distance < 0 ? -distance : distance;
    int bucket = far;
    if (t->buckets && far > mid) {
        const float most = logf((float)((double)(t->far - 1) / mid)), grown = logf((float)far / (float)mid) / most;
        bucket = (int)ceilf(grown * (float)(mid - 1)) + mid;
    }
    const int row = t->span - 1 + (distance < 0 ? -bucket : bucket), last = 2 * t->span - 1;
    return row < 0 ? 0 : row > last ? last : row;
}

int tern_distance_rows_fit(const struct tern_table_spec *t, int max_positions)
{
    for (int distance = 2 - max_positions; distance < max_positions; distance++) {
        const int step = tern_distance_row(t, distance) - tern_distance_row(t, distance - 1);
        if (step < 0 || step > 1)
            return 0;
    }
    return 1;
}

static const struct tern_tensor *norm_tensor(const struct tern_checkpoint *c, const char *kind)
{
    return tern_encoder_tensor(&c->weights, &c->config, tern_checkpoint_families[c->config.architecture].distance_norm,
                               kind);
}

static tern_status check_tensor(const struct tern_checkpoint *c, const struct tern_tensor *t, const char *what,
                                int64_t rows, uint8_t *used, const char *path, tern_error *err)
{
    const int64_t h = c->config.hidden;
    if (!t)
        return tern_fail(err, TERN_FORMAT, "%s: the %s of distances is missing", path, what);
    if (t->dtype != TERN_F32 && t->dtype != TERN_F16 && t->dtype != TERN_BF16)
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is %s; F32, F16 and BF16 are supported", path, t->name,
                         tern_dtype_name(t->dtype));
    if (t->n_dims != (rows ? 2 : 1) || t->shape[0] != (rows ? rows : h) || (rows && t->shape[1] != h))
        return tern_fail(err, TERN_FORMAT,
                         "%s: tensor %.100s, the %s of distances, has not the shape that the config "
                         "needs, %lld rows of %lld",
                         path, t->name, what, (long long)(rows ? rows : 1), (long long)h);
    used[t - c->weights.tensors] = 1;
    return TERN_OK;
}

/* The checkpoint's vectors of distances. */
static const struct tern_tensor *vectors_of(const struct tern_checkpoint *c)
{
    const char *const stem = tern_checkpoint_families[c->config.architecture].stem[TERN_PART_POSITION_TABLE];
    return tern_encoder_tensor(&c->weights, &c->config, stem, "weight");
}

tern_status tern_distances_check(const struct tern_checkpoint *c, int table, uint8_t *used, const char *path,
                                 tern_error *err)
{
    const struct tern_table_spec *t = &c->config.table[table];
    tern_status status = check_tensor(c, vectors_of(c), "table", 2 * (int64_t)t->span, used, path, err);
    if (!status && t->normed)
        status = check_tensor(c, norm_tensor(c, "weight"), "LayerNorm's weight", 0, used, path, err);
    if (!status && t->normed)
        status = check_tensor(c, norm_tensor(c, "bias"), "LayerNorm's bias", 0, used, path, err);
    return status;
}

/* x[h] = LayerNorm(x) */
static void normalise(float *x, const float *gamma, const float *beta, size_t h, double eps)
{
    double mean = 0, square = 0;
    for (size_t j = 0; j < h; j++)
        mean += (double)x[j] / (double)h;
    for (size_t j = 0; j < h; j++)
        square += ((double)x[j] - mean) * ((double)x[j] - mean) / (double)h;
    for (size_t j = 0; j < h; j++)
        x[j] = (float)(((double)x[j] - mean) / sqrt(square + eps) * (double)gamma[j] + (double)beta[j]);
}

/* Rows and columns of a product that stay in registers: both are constants, so that a compiler makes vectors of them.
 */
enum { ROWS = 4, COLUMNS = 8 };

/* The matrix [attention width][hidden] of the layer and its bias, which is 0 where there is none:
   out[attention width / COLUMNS][hidden][COLUMNS]; bias. */
static tern_status read_matrix(const struct tern_checkpoint *c, struct tern_key key, int shared, float *out,
                               float *bias, float *scratch, size_t a, size_t h, tern_error *err)
{
    const int of_queries = key.part == TERN_PART_POSITION_QUERY;
    tern_status status = TERN_OK;
    if (shared) {
        key.part = of_queries ? TERN_PART_QUERY : TERN_PART_KEY;
        status = tern_checkpoint_read(c, key, scratch, a * h, err);
        key.is_bias = 1;
        if (!status)
            status = tern_checkpoint_read(c, key, bias, a, err);
    } else {
        char shown[256];
        const struct tern_tensor *t = tern_part_find(&c->weights, &c->config, key, shown, sizeof shown);
        key.is_bias = 1;
        const struct tern_tensor *b = tern_part_find(&c->weights, &c->config, key, shown, sizeof shown);
        if (!t || t->bytes != a * h * tern_dtype_bytes(t->dtype) || (b && b->bytes != a * tern_dtype_bytes(b->dtype)))
            return tern_fail(err, TERN_FORMAT, "%s: there is no matrix of distances %.100s", c->weights.path, shown);
        tern_tensor_floats(scratch, t, a * h);
        for (size_t i = 0; i < a; i++)
            bias[i] = b ? (float)tern_tensor_number(b, i) : 0;
    }
    for (size_t i = 0; i < a && !status; i++)
        for (size_t j = 0; j < h; j++)
            out[(i / COLUMNS * h + j) * COLUMNS + i % COLUMNS] = scratch[i * h + j];
    return status;
}

/* out = bias + x m for `rows` rows and `columns` columns, of x[ROWS][h] and m[h][COLUMNS]; rows of out are `a` apart.
 */
static void multiply(const float *x, const float *m, const float *bias, float *out, size_t rows, size_t columns,
                     size_t a, size_t h)
{
    float sum[ROWS][COLUMNS];
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < COLUMNS; i++)
            sum[r][i] = bias[i];
    for (size_t j = 0; j < h; j++, m += COLUMNS)
        for (int r = 0; r < ROWS; r++) {
            const float factor = x[(size_t)r * h + j];
            for (int i = 0; i < COLUMNS; i++)
                sum[r][i] += factor * m[i];
        }
    for (size_t r = 0; r < rows; r++)
        memcpy(out + r * a, sum[r], columns * sizeof *out);
}

/* x[rows][h], the checkpoint's vectors from the last to the first, as it has them by query minus key; normalised. */
static void read_vectors(const struct tern_checkpoint *c, const struct tern_tensor *vectors, int normed, float *x,
                         float *gamma, float *beta, size_t rows, size_t h)
{
    if (normed) {
        tern_tensor_floats(gamma, norm_tensor(c, "weight"), h);
        tern_tensor_floats(beta, norm_tensor(c, "bias"), h);
    }
    for (size_t r = 0; r < rows; r++, x += h) {
        struct tern_tensor row = *vectors;
        row.data = (const char *)vectors->data + (rows - 1 - r) * h * tern_dtype_bytes(vectors->dtype);
        tern_tensor_floats(x, &row, h);
        if (normed)
            normalise(x, gamma, beta, h, c->config.layer_norm_eps);
    }
}

tern_status tern_distances_make(const struct tern_checkpoint *c, struct tern_key key, float *out, size_t count,
                                tern_error *err)
{
    const struct tern_table_spec *t = &c->config.table[c->config.layer[key.layer].table];
    const size_t h = (size_t)c->config.hidden, a = (size_t)tern_attention_width(&c->config.layer[key.layer]),
                 rows = 2 * (size_t)t->span, padded = rows + ROWS, columns = a + COLUMNS,
                 needs = columns * h + a * h + columns + (padded + 2) * h;
    const struct tern_tensor *vectors = vectors_of(c);
    if (count != rows * a || !vectors || vectors->bytes != rows * h * tern_dtype_bytes(vectors->dtype))
        return tern_fail(err, TERN_FORMAT, "%s: the table of distances has not the numbers asked for", c->weights.path);
    float *const matrix = calloc(needs, sizeof *matrix);
    if (!matrix)
        return tern_fail_nomem(err, c->weights.path, needs * sizeof *matrix);
    float *const scratch = matrix + columns * h, *const bias = scratch + a * h, *const x = bias + columns,
                 *const norm = x + padded * h;
    tern_status status = read_matrix(c, key, t->shared, matrix, bias, scratch, a, h, err);
    if (!status)
        read_vectors(c, vectors, t->normed, x, norm, norm + h, rows, h);
    for (size_t i = 0; i < a && !status; i += COLUMNS)
        for (size_t r = 0; r < rows; r += ROWS)
            multiply(x + r * h, matrix + i * h, bias + i, out + r * a + i, rows - r < ROWS ? rows - r : ROWS,
                     a - i < COLUMNS ? a - i : COLUMNS, a, h);
    for (size_t i = 0; i < count && !status; i++)
        if (!isfinite(out[i]))
            status = tern_fail(err, TERN_FORMAT, "%s: a number of the distances of layer %d is not finite",
                               c->weights.path, key.layer);
    free(matrix);
    return status;
}
