#include "quant/activation.h"
#include "quant/store_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the matrices behind the LayerNorm just read have as rows: its n16, gamma and beta folded, |n| = sqrt(hidden); or
   its y in `unit`, |y| <= |gamma n| + |beta|. */
static struct tern_input behind_norm(const struct tern_store *s, double unit, int affine)
{
    const double root = sqrt(s->config->hidden);
    double gamma = 0, beta2 = 0;
    if (!affine)
        return (struct tern_input){.unit = root / 32768, .norm = root, .gamma = s->gamma, .beta = s->beta};
    for (int i = 0; i < s->config->hidden; i++) {
        gamma = fmax(gamma, fabs((double)s->gamma[i]));
        beta2 += (double)s->beta[i] * (double)s->beta[i];
    }
    return (struct tern_input){.unit = unit, .norm = gamma * root + sqrt(beta2)};
}

/* Stores norm `name`, leaves its affine part in s->gamma and s->beta, and in s->normed what comes behind it: `affine`
   or not. `sum_unit` is that of the sums it reads. Returns the unit of its 16-bit output. */
static double store_norm(struct tern_store *s, const char *name, const char *stored, double sum_unit, int affine)
{
    const int n = s->config->hidden;
    tern_store_read(s, name, ".weight", s->gamma, (size_t)n);
    tern_store_read(s, name, ".bias", s->beta, (size_t)n);
    int16_t *gamma = tern_store_add_vector(s, stored, ".gamma", TERN_I16, n),
            *beta = tern_store_add_vector(s, stored, ".beta", TERN_I16, n);
    int32_t *param = tern_store_add_vector(s, stored, ".param", TERN_I32, PARAMS);
    if (s->status)
        return 1;
    double unit = tern_quantize_norm(gamma, beta, s->gamma, s->beta, n);
    uint64_t eps = tern_norm_eps(s->config->layer_norm_eps, sum_unit, n);
    struct tern_real real = tern_real_of(unit);
    param[0] = (int32_t)(uint32_t)eps;
    param[1] = (int32_t)(uint32_t)(eps >> 32);
    param[2] = real.mul;
    param[3] = real.exp;
    param[4] = affine;
    s->normed = behind_norm(s, unit, affine);
    return unit;
}

static void store_poly(struct tern_store *s, const char *name, enum tern_bump bump, double unit)
{
    int16_t *p = tern_store_add_vector(s, name, "", TERN_I16, 12);
    if (!p)
        return;
    const struct tern_poly poly = tern_poly_make(bump, unit);
    p[0] = poly.limit;
    p[1] = poly.shift;
    p[2] = poly.mul;
    p[3] = poly.out;
    memcpy(p + 4, poly.c, sizeof poly.c);
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

/* What a layer reads whose rows are int16 in `unit` with no affine part: at most `range` units each. */
static struct tern_input plain(double unit, double range, int k)
{
    return (struct tern_input){.unit = unit, .norm = unit * range * sqrt(k)};
}

/* Returns the unit of the embedding LayerNorm's output. */
static double store_embeddings(struct tern_store *s)
{
    const double unit = tern_store_tables(s);
    return store_norm(s, "embed.norm", "embed_norm", unit * 256, tern_reads_affine(s->source, 0, TERN_INPUT_QKV));
}

/* y_unit is that of the residual stream coming in; returns that of the stream going out. */
static double store_layer(struct tern_store *s, double y_unit)
{
    const struct tern_config *c = s->config;
    const int h = c->hidden, head_dim = h / c->heads;
    double q_unit = tern_store_linear(s, "query", h, h, &s->normed, TERN_STORE_REQUANT, 0);
    double k_unit = tern_store_linear(s, "key", h, h, &s->normed, TERN_STORE_REQUANT, 0);
    double v_unit = tern_store_linear(s, "value", h, h, &s->normed, TERN_STORE_REQUANT, 0);

    /* Scores in octaves, Q10: q and k are amax / 127 units a step each. */
    int32_t *score = tern_store_add_vector(s, "score", "", TERN_I32, PARAMS);
    if (score) {
        struct tern_real real = tern_real_of(q_unit * k_unit / (127.0 * 127.0 * sqrt(head_dim)) * 1024 / log(2));
        score[0] = real.mul;
        score[1] = real.exp;
    }

    /* A context row is a convex combination of value rows. */
    struct tern_input context = plain(v_unit, 16384, h);
    double sum_unit = tern_store_linear(s, "attn_out", h, h, &context, TERN_STORE_RESIDUAL, y_unit);
    y_unit =
        store_norm(s, "attn_norm", "attn_norm", sum_unit, tern_reads_affine(s->source, s->layer, TERN_INPUT_FFN_UP));

    double act_unit =
        tern_store_linear(s, "ffn_up", c->intermediate, h, &s->normed, TERN_STORE_REQUANT, tern_bump_least_unit());
    store_poly(s, "act", bump_of(c->activation), act_unit);
    struct tern_input activated = plain(act_unit, 16384, c->intermediate);
    sum_unit = tern_store_linear(s, "ffn_down", h, c->intermediate, &activated, TERN_STORE_RESIDUAL, y_unit);
    return store_norm(s, "ffn_norm", "ffn_norm", sum_unit, tern_reads_affine(s->source, s->layer + 1, TERN_INPUT_QKV));
}

static void store_heads(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    struct tern_input in = s->normed;
    if (c->has_pooler) {
        double unit =
            tern_store_linear(s, "pooler", c->hidden, c->hidden, &in, TERN_STORE_REQUANT, tern_bump_least_unit());
        int tanh_like = c->architecture == TERN_BERT;
        store_poly(s, "pooler.act", tanh_like ? TERN_BUMP_TANH : TERN_BUMP_RELU, unit);
        in = plain(tanh_like ? 1.0 / 32767 : unit, 32767, c->hidden);
    }
    if (c->n_labels)
        tern_store_linear(s, "classifier", c->n_labels, c->hidden, &in, TERN_STORE_LOGITS, 0);
}

static size_t largest_matrix(const struct tern_config *c)
{
    size_t h = (size_t)c->hidden, rows = (size_t)c->vocab,
           positions = (size_t)c->max_positions + (size_t)c->token_types;
    rows = rows > positions ? rows : positions;
    rows = rows > (size_t)c->intermediate ? rows : (size_t)c->intermediate;
    rows = rows > (size_t)c->n_labels ? rows : (size_t)c->n_labels;
    return rows > h ? rows * h : h * h;
}

static size_t count_weights(const struct tern_config *c)
{
    size_t h = (size_t)c->hidden, n = (size_t)c->vocab + (size_t)c->max_positions + (size_t)c->token_types;
    n += (size_t)c->layers * (4 * h + 2 * (size_t)c->intermediate) + (c->has_pooler ? h : 0) + (size_t)c->n_labels;
    return n * h;
}

tern_status tern_store_int8(struct tern_builder *builder, const struct tern_source *source, tern_error *err)
{
    const struct tern_config *c = source->config;
    struct tern_store s = {
        .layer = -1, .builder = builder, .source = source, .config = c, .total = count_weights(c), .err = err};
    size_t widest = (size_t)(c->intermediate > c->hidden ? c->intermediate : c->hidden);
    size_t biases = widest > (size_t)c->n_labels ? widest : (size_t)c->n_labels;
    s.matrix = malloc(largest_matrix(c) * sizeof(float));
    s.bias = malloc((biases + widest + 2 * (size_t)c->hidden) * sizeof(float));
    s.scratch = malloc(tern_quantize_scratch((int)biases, (int)widest) * sizeof(float));
    s.coding.format = c->weights == TERN_WEIGHTS_MIXED ? TERN_FORMAT_INT8 : (enum tern_format)(c->weights - 1);
    s.coding.group = source->group ? source->group : 64;
    s.coding.plain = source->plain;
    s.row_q = (int8_t *)s.scratch;
    if (source->sparse)
        s.dense = malloc((size_t)tern_round_up(c->intermediate, 16) * (size_t)tern_round_up(c->hidden, 16) +
                         (size_t)tern_round_up(c->hidden, 16) * (size_t)tern_round_up(c->hidden, 16));
    if (s.matrix && s.bias && s.scratch && (s.dense || !source->sparse)) {
        s.row = s.bias + biases;
        s.gamma = s.row + widest;
        s.beta = s.gamma + c->hidden;
        double y_unit = store_embeddings(&s);
        for (int i = 0; i < c->layers; i++) {
            snprintf(s.prefix, sizeof s.prefix, "layer.%d.", i);
            s.layer = i;
            y_unit = store_layer(&s, y_unit);
        }
        s.prefix[0] = 0;
        s.layer = -1;
        store_heads(&s);
    } else {
        s.status = tern_fail_nomem(err, "the float tensors", largest_matrix(c) * sizeof(float));
    }
    free(s.dense);
    free(s.scratch);
    free(s.bias);
    free(s.matrix);
    return s.status;
}
