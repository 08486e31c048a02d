/* Pairs of matrices in place of one: found, checked, and multiplied where two have more weights than their product. */
#include "quant/low_rank.h"

#include "quant/checkpoint_names.h"
#include "quant/convert.h"
#include "quant/families.h"
#include "quant/tensor_numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHOWN = 256 };

static int is_layers(enum tern_part_id part)
{
    return tern_parts[part].kind == TERN_KIND_MATRIX && tern_parts[part].place == TERN_PLACE_LAYER;
}

int32_t tern_key_rank(const struct tern_config *config, struct tern_key key)
{
    return is_layers(key.part) ? tern_matrix_rank(config, (enum tern_matrix)tern_parts[key.part].index, key.layer) : 0;
}

static const struct tern_tensor *find(const struct tern_checkpoint *c, struct tern_key key)
{
    char shown[MAX_SHOWN];
    return tern_pair_find(&c->weights, &c->config, key, shown, sizeof shown);
}

int tern_is_pair(const struct tern_checkpoint *c, enum tern_part_id part, int layer)
{
    char shown[MAX_SHOWN];
    const struct tern_key one = {part, layer, 0, 0}, first = {part, layer, 0, 1};
    struct tern_layer_spec any = {0};
    return is_layers(part) && tern_rank_of(&any, (enum tern_matrix)tern_parts[part].index) &&
           !tern_part_find(&c->weights, &c->config, one, shown, sizeof shown) && find(c, first) != NULL;
}

static int is_float(const struct tern_tensor *t)
{
    return t->dtype == TERN_F32 || t->dtype == TERN_F16 || t->dtype == TERN_BF16;
}

/* The rank by the first matrix's rows. */
static tern_status read_rank(const struct tern_checkpoint *c, enum tern_part_id part, int layer, int32_t *rank,
                             tern_error *err)
{
    const struct tern_tensor *t = find(c, (struct tern_key){part, layer, 0, 1});
    if (t->n_dims != 2 || t->shape[0] < 1 || t->shape[0] > TERN_MAX_HIDDEN)
        return tern_fail(err, TERN_FORMAT,
                         "%s: tensor %.100s is no matrix of 1 to %d rows, the first of two in place of one",
                         tern_weight_path(&c->weights, t), t->name, TERN_MAX_HIDDEN);
    *rank = (int32_t)t->shape[0];
    return TERN_OK;
}

static tern_status settle_layer(struct tern_checkpoint *c, int layer, int32_t *kept, int32_t *multiplied,
                                tern_error *err)
{
    struct tern_config *config = &c->config;
    for (int i = 0; i < TERN_N_MATRICES; i++) {
        const struct tern_part *part = tern_matrix_part((enum tern_matrix)i);
        const enum tern_part_id id = (enum tern_part_id)(part - tern_parts);
        const struct tern_shape shape = tern_part_shape(config, part, layer);
        int32_t *const place = tern_rank_of(&config->layer[layer], (enum tern_matrix)i), rank = 0;
        if (!shape.n || !tern_is_pair(c, id, layer))
            continue;
        if (tern_config_is_scaled(config))
            return tern_fail(err, TERN_FORMAT,
                             "%s: %s of layer %d is two matrices, which are not supported without normalisation: "
                             "multiply them",
                             c->weights.path, part->name, layer);
        const tern_status status = read_rank(c, id, layer, &rank, err);
        if (status)
            return status;
        const int pays = (int64_t)rank * (shape.n + shape.k) < (int64_t)shape.n * shape.k;
        if (pays)
            *place = rank;
        ++*(pays ? kept : multiplied);
    }
    return TERN_OK;
}

tern_status tern_pairs_settle(struct tern_checkpoint *c, const tern_convert_options *options, tern_error *err)
{
    int32_t kept = 0, multiplied = 0;
    tern_status status = TERN_OK;
    for (int i = 0; i < c->config.layers && !status; i++) {
        const int own = c->config.layer[i].weights;
        if (own == i)
            status = settle_layer(c, i, &kept, &multiplied, err);
        memcpy(c->config.layer[i].rank, c->config.layer[own].rank, sizeof c->config.layer[i].rank);
    }
    if (kept)
        tern_say(options, "low rank: %d matrices are kept as two each, which have fewer weights than their product",
                 kept);
    if (multiplied)
        tern_say(options, "low rank: %d matrices are the products of two each, which have fewer weights than these",
                 multiplied);
    return status;
}

/* Weight and bias of one of the two; a bias may be missing, of the second where the family's may. */
static tern_status check_one(const struct tern_checkpoint *c, struct tern_key key, struct tern_shape shape,
                             uint8_t *used, const char *path, tern_error *err)
{
    char shown[MAX_SHOWN];
    for (key.is_bias = 0; key.is_bias <= 1; key.is_bias++) {
        const struct tern_tensor *t = tern_pair_find(&c->weights, &c->config, key, shown, sizeof shown);
        if (!t && key.is_bias && (key.inner || tern_checkpoint_families[c->config.architecture].no_biases))
            continue;
        if (!t)
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is missing", path, shown);
        if (!is_float(t) || t->n_dims != 2 - key.is_bias || t->shape[0] != shape.n ||
            (!key.is_bias && t->shape[1] != shape.k))
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is no %s of floats of %d rows%s",
                             tern_weight_path(&c->weights, t), t->name, key.is_bias ? "vector" : "matrix", shape.n,
                             key.is_bias ? "" : ", and of as many columns as what it reads");
        used[t - c->weights.tensors] = 1;
    }
    return TERN_OK;
}

tern_status tern_pair_check(const struct tern_checkpoint *c, enum tern_part_id part, int layer, uint8_t *used,
                            const char *path, tern_error *err)
{
    const struct tern_shape shape = tern_part_shape(&c->config, &tern_parts[part], layer);
    int32_t rank = 0;
    tern_status status = read_rank(c, part, layer, &rank, err);
    if (!status && c->config.key_heads)
        status = tern_fail(err, TERN_FORMAT, "%s: heads that share keys, and matrices in pairs, are both there", path);
    if (!status)
        status =
            check_one(c, (struct tern_key){part, layer, 0, 1}, (struct tern_shape){rank, shape.k}, used, path, err);
    return status ? status
                  : check_one(c, (struct tern_key){part, layer, 0, 0}, (struct tern_shape){shape.n, rank}, used, path,
                              err);
}

/* The floats of a tensor, or zeros for a bias that is not there; *out is owned by the caller. */
static tern_status floats_of(float **out, const struct tern_checkpoint *c, struct tern_key key, size_t count,
                             tern_error *err)
{
    const struct tern_tensor *t = find(c, key);
    *out = calloc(count, sizeof **out);
    if (!*out)
        return tern_fail_nomem(err, c->weights.path, count * sizeof **out);
    if (t)
        tern_tensor_floats(*out, t, count);
    return TERN_OK;
}

tern_status tern_pair_multiply(const struct tern_checkpoint *c, struct tern_key key, float *out, size_t count,
                               tern_error *err)
{
    const struct tern_shape shape = tern_part_shape(&c->config, &tern_parts[key.part], key.layer);
    const size_t n = (size_t)shape.n, k = key.is_bias ? 1 : (size_t)shape.k;
    float *first = NULL, *second = NULL, *bias = NULL;
    int32_t rank = 0;
    tern_status status = read_rank(c, key.part, key.layer, &rank, err);
    const size_t r = (size_t)rank;
    if (!status && count != n * k)
        status = tern_fail(err, TERN_FORMAT, "%s: the product of two matrices has not the %zu floats asked for",
                           c->weights.path, count);
    if (!status)
        status = floats_of(&first, c, (struct tern_key){key.part, key.layer, key.is_bias, 1}, r * k, err);
    if (!status)
        status = floats_of(&second, c, (struct tern_key){key.part, key.layer, 0, 0}, n * r, err);
    if (!status)
        status = floats_of(&bias, c, (struct tern_key){key.part, key.layer, 1, 0}, n, err);
    for (size_t i = 0; i < n && !status; i++)
        for (size_t j = 0; j < k && !status; j++) {
            double sum = key.is_bias ? (double)bias[i] : 0;
            for (size_t l = 0; l < r; l++)
                sum += (double)second[i * r + l] * (double)first[l * k + j];
            out[i * k + j] = (float)sum;
            if (!isfinite(out[i * k + j]))
                status = tern_fail(err, TERN_FORMAT, "%s: a product of two matrices is not finite", c->weights.path);
        }
    free(bias);
    free(second);
    free(first);
    return status;
}
