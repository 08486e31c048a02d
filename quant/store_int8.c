/* Walks a float model and stores it as an integer model: here the units are chosen that hold its numbers together. */
#include "models/format.h"
#include "quant/activation.h"
#include "quant/store_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A bound of y of the LayerNorm just read: |y| <= max|gamma| |n| + |beta|, |n| = sqrt(hidden). */
static double norm_of_output(const struct tern_store *s)
{
    double gamma = 0, beta2 = 0;
    for (int i = 0; i < s->config->hidden; i++) {
        gamma = fmax(gamma, fabs((double)s->gamma[i]));
        beta2 += (double)s->beta[i] * (double)s->beta[i];
    }
    return gamma * sqrt(s->config->hidden) + sqrt(beta2);
}

/* The rows of the matrices behind the LayerNorm just read: its n16, with gamma and beta folded into the weights, or its
   output y in `unit`. */
static struct tern_input behind_norm(const struct tern_store *s, double unit, int affine)
{
    const double root = sqrt(s->config->hidden);
    if (!affine)
        return (struct tern_input){.unit = root / 32768, .norm = root, .gamma = s->gamma, .beta = s->beta};
    return (struct tern_input){.unit = unit, .norm = fmax(norm_of_output(s), s->shared_norm)};
}

static void read_norm(struct tern_store *s, enum tern_part_id part)
{
    tern_store_read(s, part, 0, s->gamma, (size_t)s->config->hidden);
    tern_store_read(s, part, 1, s->beta, (size_t)s->config->hidden);
}

/* Stores a norm, leaves its affine part in s->gamma and s->beta, and in s->normed what comes behind it: `affine` or
   not. `sum_unit` is that of the sums it reads, `least` a lower limit of the unit of its 16-bit output, which is
   returned. */
static double store_norm(struct tern_store *s, enum tern_part_id part, const char *stored, double sum_unit, int affine,
                         double least)
{
    const int n = s->config->hidden;
    read_norm(s, part);
    int16_t *gamma = tern_store_add_vector(s, stored, ".gamma", TERN_I16, n),
            *beta = tern_store_add_vector(s, stored, ".beta", TERN_I16, n);
    struct tern_norm_param *param = tern_store_add_vector(s, stored, ".param", TERN_I32, TERN_PARAM32);
    if (s->status)
        return 1;
    double unit = tern_quantize_norm(gamma, beta, s->gamma, s->beta, n, least);
    uint64_t eps = tern_norm_eps(s->config->layer_norm_eps, sum_unit, n);
    *param = (struct tern_norm_param){
        .eps_low = (uint32_t)eps, .eps_high = (uint32_t)(eps >> 32), .unit = tern_real_of(unit), .affine = affine};
    s->normed = behind_norm(s, unit, affine);
    return unit;
}

/* Where layers share weights, the same matrices read the output of several norms: these get a common unit and bound. */
static void find_shared_unit(struct tern_store *s, int16_t *scratch)
{
    const struct tern_config *c = s->config;
    double unit = 0, norm = 0;
    for (s->layer = -1; s->layer < c->layers; s->layer++) {
        if (s->layer >= 0 && c->layer[s->layer].weights != s->layer)
            continue;
        read_norm(s, s->layer < 0 ? TERN_PART_EMBED_NORM : TERN_PART_FFN_NORM);
        if (s->status)
            break;
        unit = fmax(unit, tern_quantize_norm(scratch, scratch + c->hidden, s->gamma, s->beta, c->hidden, 0));
        norm = fmax(norm, norm_of_output(s));
    }
    s->layer = -1;
    s->shared_unit = unit;
    s->shared_norm = norm;
}

static void store_poly(struct tern_store *s, const char *name, enum tern_bump bump, double unit)
{
    struct tern_poly_param *p = tern_store_add_vector(s, name, "", TERN_I16, TERN_PARAM16);
    if (!p)
        return;
    const struct tern_poly poly = tern_poly_make(bump, unit);
    *p = (struct tern_poly_param){.limit = poly.limit, .shift = poly.shift, .mul = poly.mul, .out = poly.out};
    memcpy(p->c, poly.c, sizeof poly.c);
}

static enum tern_bump bump_of(enum tern_activation activation)
{
    switch (activation) {
    case TERN_GELU_NEW: return TERN_BUMP_GELU_NEW;
    case TERN_RELU: return TERN_BUMP_RELU;
    case TERN_GELU_IBERT: return TERN_BUMP_IBERT;
    case TERN_GELU: break;
    }
    return TERN_BUMP_GELU;
}

/* Describes int16 rows in `unit`, of at most `range` units each, that no LayerNorm made. */
static struct tern_input plain(double unit, double range, int k)
{
    return (struct tern_input){.unit = unit, .norm = unit * range * sqrt(k)};
}

/* Returns the unit of the embedding LayerNorm's output. */
static double store_embeddings(struct tern_store *s)
{
    const double unit = tern_store_tables(s);
    return store_norm(s, TERN_PART_EMBED_NORM, "embed_norm", unit * 256,
                      tern_reads_affine(s->source, 0, TERN_INPUT_QKV), s->shared_unit);
}

/* Scores in octaves, Q10: q and k are amax / 127 units a step each. */
static void store_score(struct tern_store *s, double q_unit, double k_unit, int head_dim)
{
    struct tern_score_param *score = tern_store_add_vector(s, "score", "", TERN_I32, TERN_PARAM32);
    if (score)
        score->unit = tern_real_of(q_unit * k_unit / (127.0 * 127.0 * sqrt(head_dim)) * 1024 / log(2));
}

/* y_unit is that of the residual stream coming in; returns that of the stream going out. */
static double store_layer(struct tern_store *s, double y_unit)
{
    const struct tern_layer_spec *spec = &s->config->layer[s->layer];
    const double q_unit = tern_store_linear(s, TERN_PART_QUERY, &s->normed, 0);
    const double k_unit = tern_store_linear(s, TERN_PART_KEY, &s->normed, 0);
    const double v_unit = tern_store_linear(s, TERN_PART_VALUE, &s->normed, 0);
    store_score(s, q_unit, k_unit, spec->head_dim);

    /* A context row is a convex combination of value rows. */
    const struct tern_input context = plain(v_unit, 16384, tern_attention_width(spec));
    double sum_unit = tern_store_linear(s, TERN_PART_ATTN_OUT, &context, y_unit);
    y_unit = store_norm(s, TERN_PART_ATTN_NORM, "attn_norm", sum_unit,
                        tern_reads_affine(s->source, s->layer, TERN_INPUT_FFN_UP), 0);

    const double act_unit = tern_store_linear(s, TERN_PART_FFN_UP, &s->normed, tern_bump_least_unit());
    store_poly(s, "act", bump_of(spec->activation), act_unit);
    const struct tern_input activated = plain(act_unit, 16384, spec->intermediate);
    sum_unit = tern_store_linear(s, TERN_PART_FFN_DOWN, &activated, y_unit);
    return store_norm(s, TERN_PART_FFN_NORM, "ffn_norm", sum_unit,
                      tern_reads_affine(s->source, s->layer + 1, TERN_INPUT_QKV), s->shared_unit);
}

static void store_heads(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    struct tern_input in = s->normed;
    if (c->pooler != TERN_POOLER_NONE) {
        const int tanh_like = c->pooler == TERN_POOLER_TANH;
        const double unit = tern_store_linear(s, TERN_PART_POOLER, &in, tern_bump_least_unit());
        store_poly(s, "pooler.act", tanh_like ? TERN_BUMP_TANH : TERN_BUMP_RELU, unit);
        in = plain(tanh_like ? 1.0 / 32767 : unit, 32767, c->hidden);
    }
    if (c->head != TERN_HEAD_NONE)
        tern_store_linear(s, TERN_PART_CLASSIFIER, &in, 0);
}

/* What the walk over all parts of a model needs room for. */
struct sizes {
    size_t matrix, rows, columns, dense; /* of the largest: float matrix, matrix rows, columns, padded panels */
    size_t weights;                      /* all together, for the progress */
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct sizes sizes_of(const struct tern_config *c)
{
    const size_t h = (size_t)c->hidden;
    /* Positions and token types are read into one table. */
    struct sizes s = {.matrix = ((size_t)c->max_positions + (size_t)c->token_types) * h, .rows = h, .columns = h};
    for (const struct tern_part *p = tern_parts; p < tern_parts + TERN_N_PARTS; p++) {
        const int in_layer = p->place == TERN_PLACE_LAYER;
        for (int i = 0; p->columns && tern_part_present(c, p) && i < (in_layer ? c->layers : 1); i++) {
            const struct tern_shape shape = tern_part_shape(c, p, i);
            const size_t size = (size_t)shape.n * (size_t)shape.k;
            s.matrix = larger(s.matrix, size);
            s.weights += !in_layer || c->layer[i].weights == i ? size : 0;
            if (p->kind == TERN_KIND_TABLE)
                continue;
            s.rows = larger(s.rows, (size_t)shape.n);
            s.columns = larger(s.columns, (size_t)shape.k);
            s.dense = larger(s.dense, (size_t)tern_round_up(shape.n, 16) * (size_t)tern_round_up(shape.k, 16));
        }
    }
    return s;
}

static void store_model(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    if (tern_config_shares_layers(c))
        find_shared_unit(s, (int16_t *)s->scratch);
    double y_unit = store_embeddings(s);
    for (int i = 0; i < c->layers; i++) {
        if (c->layer[i].weights != i) {
            y_unit = s->shared_unit;
            continue;
        }
        snprintf(s->prefix, sizeof s->prefix, "layer.%d.", i);
        s->layer = i;
        y_unit = store_layer(s, y_unit);
    }
    s->prefix[0] = 0;
    s->layer = -1;
    store_heads(s);
}

tern_status tern_store_int8(struct tern_builder *builder, const struct tern_source *source, tern_error *err)
{
    const struct tern_config *c = source->config;
    const struct sizes sizes = sizes_of(c);
    struct tern_store s = {
        .layer = -1, .builder = builder, .source = source, .config = c, .total = sizes.weights, .err = err};
    s.matrix = malloc(sizes.matrix * sizeof(float));
    s.bias = malloc((sizes.rows + sizes.columns + 2 * (size_t)c->hidden) * sizeof(float));
    s.scratch = malloc(tern_quantize_scratch((int)sizes.rows, (int)sizes.columns) * sizeof(float));
    s.coding.format = tern_weights_format(c->weights);
    s.coding.group = source->group ? source->group : 64;
    s.coding.plain = source->plain;
    s.row_q = (int8_t *)s.scratch;
    if (source->sparse)
        s.dense = malloc(sizes.dense);
    if (s.matrix && s.bias && s.scratch && (s.dense || !source->sparse)) {
        s.row = s.bias + sizes.rows;
        s.gamma = s.row + sizes.columns;
        s.beta = s.gamma + c->hidden;
        store_model(&s);
    } else {
        s.status = tern_fail_nomem(err, "the float tensors", sizes.matrix * sizeof(float));
    }
    free(s.dense);
    free(s.scratch);
    free(s.bias);
    free(s.matrix);
    return s.status;
}
