/* Multiplies MobileBERT's bottlenecks and NoNorms into the matrices beside them while a checkpoint is read. */
#include "quant/bottleneck.h"

#include "quant/checkpoint_names.h"
#include "quant/tensor_numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const embed_norm = "embeddings.LayerNorm";

/* In the layer's prefix: the bottleneck that queries and keys, or values, are made through; NULL: none. */
static const char *through(const struct tern_config *config, struct tern_key key)
{
    if (key.part == TERN_PART_VALUE)
        return config->through_values ? "bottleneck.input" : NULL;
    if (key.part != TERN_PART_QUERY && key.part != TERN_PART_KEY)
        return NULL;
    return config->through_values ? "bottleneck.input" : config->through_keys ? "bottleneck.attention" : NULL;
}

int32_t tern_bottleneck_width(const struct tern_config *config, struct tern_key key)
{
    return through(config, key) ? config->layer[key.layer].width : 0;
}

int tern_bottleneck_is_in(const struct tern_config *config, struct tern_key key)
{
    if (!config->trigram)
        return 0;
    return through(config, key) || key.part == TERN_PART_NARROW || key.part == TERN_PART_MIX ||
           key.part == TERN_PART_POSITION || key.part == TERN_PART_TYPE;
}

static const struct tern_tensor *find(const struct tern_checkpoint *c, int layer, const char *stem, const char *rest,
                                      const char *kind)
{
    char prefix[64], name[160];
    tern_layer_prefix(prefix, sizeof prefix, &c->config, layer);
    snprintf(name, sizeof name, "%s%s%s", prefix, stem, rest);
    return tern_encoder_tensor(&c->weights, &c->config, name, kind);
}

static tern_status check(const struct tern_checkpoint *c, int layer, const char *stem, const char *rest,
                         const char *kind, int32_t n, int32_t k, uint8_t *used, const char *path, tern_error *err)
{
    const struct tern_tensor *t = find(c, layer, stem, rest, kind);
    if (!t)
        return tern_fail(err, TERN_FORMAT, "%s: tensor %s%s.%s of layer %d is missing", path, stem, rest, kind, layer);
    if ((t->dtype != TERN_F32 && t->dtype != TERN_F16 && t->dtype != TERN_BF16) || t->n_dims != (k ? 2 : 1) ||
        t->shape[0] != n || (k && t->shape[1] != k))
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s has not the shape [%d, %d] of floats", path, t->name, n,
                         k);
    used[t - c->weights.tensors] = 1;
    return TERN_OK;
}

static tern_status check_norm(const struct tern_checkpoint *c, int layer, const char *stem, const char *rest, int32_t n,
                              uint8_t *used, const char *path, tern_error *err)
{
    const tern_status status = check(c, layer, stem, rest, "weight", n, 0, used, path, err);
    return status ? status : check(c, layer, stem, rest, "bias", n, 0, used, path, err);
}

tern_status tern_bottleneck_check(const struct tern_checkpoint *c, struct tern_key key, uint8_t *used, const char *path,
                                  tern_error *err)
{
    const int32_t h = c->config.hidden;
    if (key.part == TERN_PART_MIX)
        return check_norm(c, -1, embed_norm, "", h, used, path, err);
    const int32_t w = c->config.layer[key.layer].width;
    static const char attention[] = "bottleneck.attention";
    tern_status status = check_norm(c, key.layer, "bottleneck.input", ".LayerNorm", w, used, path, err);
    if (status || !c->config.through_keys)
        return status;
    status = check_norm(c, key.layer, attention, ".LayerNorm", w, used, path, err);
    if (!status)
        status = check(c, key.layer, attention, ".dense", "weight", w, h, used, path, err);
    return status ? status : check(c, key.layer, attention, ".dense", "bias", w, 0, used, path, err);
}

/* A copy of such a tensor's floats, which the caller frees; NULL: out of memory, or it is not there. */
static float *floats_of(const struct tern_checkpoint *c, int layer, const char *stem, const char *rest,
                        const char *kind, size_t count)
{
    const struct tern_tensor *t = find(c, layer, stem, rest, kind);
    float *x = t && t->bytes == count * tern_dtype_bytes(t->dtype) ? malloc(count * sizeof *x) : NULL;
    if (x)
        tern_tensor_floats(x, t, count);
    return x;
}

/* out, rows of a matrix [n][k], or k 1 and beta its biases: times gamma by row, plus beta. */
static void scale_rows(float *out, const float *gamma, const float *beta, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++)
            out[i * k + j] = (float)((double)out[i * k + j] * (double)gamma[i] + (beta ? (double)beta[i] : 0));
}

/* out[n][k] = w[n][m] diag(gamma) dense[m][k]; or, k 0, out[n] += w (gamma bias + beta). */
static void compose(float *out, const float *w, const float *gamma, const float *beta, const float *dense, size_t n,
                    size_t m, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        double bias = (double)out[i * (k ? k : 1)];
        for (size_t l = 0; !k && l < m; l++)
            bias += (double)w[i * m + l] * ((double)gamma[l] * (double)dense[l] + (double)beta[l]);
        if (!k)
            out[i] = (float)bias;
        for (size_t j = 0; j < k; j++) {
            double sum = 0;
            for (size_t l = 0; l < m; l++)
                sum += (double)w[i * m + l] * (double)gamma[l] * (double)dense[l * k + j];
            out[i * k + j] = (float)sum;
        }
    }
}

static tern_status read_through(const struct tern_checkpoint *c, struct tern_key key, const char *stem, float *out,
                                size_t count, tern_error *err)
{
    const size_t h = (size_t)c->config.hidden, m = (size_t)c->config.layer[key.layer].width,
                 n = (size_t)tern_attention_width(&c->config.layer[key.layer]);
    float *const gamma = floats_of(c, key.layer, stem, ".LayerNorm", "weight", m),
                 *const beta = floats_of(c, key.layer, stem, ".LayerNorm", "bias", m),
                 *const dense =
                     floats_of(c, key.layer, stem, ".dense", key.is_bias ? "bias" : "weight", key.is_bias ? m : m * h),
                 *const w = malloc(n * m * sizeof *w);
    tern_status status = gamma && beta && dense && w ? TERN_OK : tern_fail_nomem(err, c->weights.path, n * m * 4);
    const struct tern_key weight = {key.part, key.layer, 0, 0};
    if (!status)
        status = tern_checkpoint_read_own(c, weight, w, n * m, err);
    if (!status && key.is_bias)
        status = tern_checkpoint_read_own(c, key, out, count, err);
    if (!status)
        compose(out, w, gamma, beta, dense, n, m, key.is_bias ? 0 : h);
    free(w);
    free(dense);
    free(beta);
    free(gamma);
    return status;
}

/* A table's rows, or a matrix and its bias, behind which the NoNorm is. */
static tern_status read_scaled(const struct tern_checkpoint *c, struct tern_key key, float *out, size_t count,
                               tern_error *err)
{
    const int narrow = key.part == TERN_PART_NARROW, table = tern_parts[key.part].kind == TERN_KIND_TABLE;
    const char *const stem = narrow ? "bottleneck.input" : embed_norm, *const rest = narrow ? ".LayerNorm" : "";
    const size_t n = (size_t)(narrow ? c->config.layer[key.layer].width : c->config.hidden);
    const int layer = narrow ? key.layer : -1;
    float *const gamma = floats_of(c, layer, stem, rest, "weight", n), *const beta =
                                                                           floats_of(c, layer, stem, rest, "bias", n);
    tern_status status = gamma && beta ? TERN_OK : tern_fail_nomem(err, c->weights.path, n * 4);
    if (!status)
        status = tern_checkpoint_read_own(c, key, out, count, err);
    for (size_t i = 0; !status && table && i < count; i += n)
        scale_rows(out + i, gamma, NULL, n, 1);
    if (!status && !table)
        scale_rows(out, gamma, key.is_bias ? beta : NULL, n, count / n);
    free(beta);
    free(gamma);
    return status;
}

tern_status tern_bottleneck_read(const struct tern_checkpoint *c, struct tern_key key, float *out, size_t count,
                                 tern_error *err)
{
    const char *const stem = through(&c->config, key);
    const tern_status status =
        stem ? read_through(c, key, stem, out, count, err) : read_scaled(c, key, out, count, err);
    for (size_t i = 0; i < count && !status; i++)
        if (!isfinite(out[i])) {
            char name[TERN_KEY_NAME];
            tern_key_name(name, key);
            return tern_fail(err, TERN_FORMAT, "%s: %s is not finite behind its NoNorm: element %zu", c->weights.path,
                             name, i);
        }
    return status;
}
