/* Walks a float model and stores it as an integer model: here the units are chosen that hold its numbers together. */
#include "models/format.h"
#include "models/fourier.h"
#include "models/scheme.h"
#include "models/token_dropout.h"
#include "quant/activation.h"
#include "quant/singular.h"
#include "quant/store_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A bound of y of the LayerNorm just read: |y| <= max|gamma| |n| + |beta|, |n| = sqrt(hidden). */
double tern_store_output_norm(const struct tern_store *s)
{
    double gamma = 0, beta2 = 0;
    for (int i = 0; i < s->width; i++) {
        gamma = fmax(gamma, fabs((double)s->gamma[i]));
        beta2 += (double)s->beta[i] * (double)s->beta[i];
    }
    return gamma * sqrt(s->width) + sqrt(beta2);
}

/* The rows of the matrices behind the LayerNorm just read: its n16, with gamma and beta folded into the weights, or its
   output y in `unit`. */
static struct tern_input behind_norm(const struct tern_store *s, double unit, int affine)
{
    const double root = sqrt(s->width);
    if (!affine)
        return (struct tern_input){.unit = root / 32768, .norm = root, .gamma = s->gamma, .beta = s->beta};
    return (struct tern_input){.unit = unit, .norm = fmax(tern_store_output_norm(s), s->shared_norm)};
}

static void read_norm(struct tern_store *s, enum tern_part_id part)
{
    s->width = tern_part_shape(s->config, &tern_parts[part], s->layer).n;
    tern_store_read(s, part, 0, s->gamma, (size_t)s->width);
    tern_store_read(s, part, 1, s->beta, (size_t)s->width);
}

/* Stores a norm, leaves its affine part in s->gamma and s->beta, and in s->normed what comes behind it: `affine` or
   not. `sum_unit` is that of the sums it reads, `least` a lower limit of the unit of its 16-bit output, which is
   returned. */
static double store_norm(struct tern_store *s, enum tern_part_id part, const char *stored, double sum_unit, int affine,
                         double least)
{
    read_norm(s, part);
    const int n = s->width;
    int16_t *gamma = tern_store_add_vector(s, stored, ".gamma", TERN_I16, n),
            *beta = tern_store_add_vector(s, stored, ".beta", TERN_I16, n);
    struct tern_norm_param *param = tern_store_add_vector(s, stored, ".param", TERN_I32, TERN_PARAM32);
    if (s->status)
        return 1;
    double unit = tern_quantize_norm(gamma, beta, s->gamma, s->beta, n, least);
    if (!tern_unit_fits(tern_real_of(unit)))
        tern_store_refuse(s, part, 0, "the largest output of this LayerNorm is %g", unit * 32767);
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
        if (s->layer < 0 ? c->embedding > 0 : c->layer[s->layer].weights != s->layer)
            continue;
        read_norm(s, s->layer < 0 ? TERN_PART_EMBED_NORM : TERN_PART_FFN_NORM);
        if (s->status)
            break;
        unit = fmax(unit, tern_quantize_norm(scratch, scratch + c->hidden, s->gamma, s->beta, c->hidden, 0));
        norm = fmax(norm, tern_store_output_norm(s));
    }
    s->layer = -1;
    s->shared_unit = unit;
    s->shared_norm = norm;
}

void tern_store_poly(struct tern_store *s, const char *name, enum tern_bump bump, double unit)
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
    case TERN_SILU: return TERN_BUMP_SILU;
    case TERN_QUICK_GELU: return TERN_BUMP_QUICK_GELU;
    case TERN_GELU:
    case TERN_N_ACTIVATIONS: break;
    }
    return TERN_BUMP_GELU;
}

struct tern_input tern_plain_input(double unit, double range, int k)
{
    return (struct tern_input){.unit = unit, .norm = unit * range * sqrt(k)};
}

/* Stores the matrix between the embeddings' norm and the layers. Returns the unit of what it gives. */
static double store_project(struct tern_store *s)
{
    const struct tern_shape shape = tern_part_shape(s->config, &tern_parts[TERN_PART_PROJECT], -1);
    const struct tern_input in = s->normed;
    const double unit = tern_store_linear(s, TERN_PART_PROJECT, &in, s->shared_unit);
    double bias2 = 0;
    for (int i = 0; i < shape.n; i++)
        bias2 += (double)s->bias[i] * (double)s->bias[i];
    /* Its norm is bounded by the matrix's largest singular value, times that of y = gamma n + beta. */
    s->normed = (struct tern_input){.unit = unit};
    s->normed.norm =
        TERN_SLACK * tern_store_output_norm(s) * tern_singular_bound(s->matrix, shape.n, shape.k, &s->status, s->err) +
        sqrt(bias2);
    if (s->shared_unit > 0) {
        s->shared_unit = unit;
        s->shared_norm = s->normed.norm = fmax(s->normed.norm, s->shared_norm);
    }
    return unit;
}

/* What the embeddings give becomes the stream: its unit, with room to grow in. */
static double begin_stream(struct tern_store *s, double unit)
{
    enum { NORM_BITS = 10, SUM_BITS = -5 };
    struct tern_stream_param *param = tern_store_add_vector(s, "stream", "", TERN_I32, TERN_PARAM32);
    const int dropout = s->config->token_dropout ? TERN_DROPOUT_MOST_FACTOR : 0, sum_bits = SUM_BITS - dropout;
    const int shift = s->config->no_embed_norm ? sum_bits : NORM_BITS;
    if (param)
        param->shift = shift;
    s->stream_bound = s->config->no_embed_norm ? ldexp(unit, 30 + dropout) : ldexp(unit, 15);
    return ldexp(unit, -shift);
}

/* Returns the unit of the stream that the first layer adds to. */
static double store_embeddings(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    const int affine = !c->embedding && (!tern_config_is_pre_norm(c) || c->layer[0].skip_norm) &&
                       tern_reads_affine(s->source, 0, tern_first_input(c, 0));
    double unit = tern_store_tables(s) * 256;
    tern_store_position_tables(s);
    if (!c->no_embed_norm)
        unit = store_norm(s, TERN_PART_EMBED_NORM, "embed_norm", unit, affine, c->embedding ? 0 : s->shared_unit);
    if (c->embedding)
        unit = store_project(s);
    return tern_config_is_pre_norm(c) ? begin_stream(s, unit) : unit;
}

/* Scores in octaves, Q10: q and k are amax / 127 units a step each. */
struct tern_score_param *tern_store_score(struct tern_store *s, const char *name, double q_unit, double k_unit)
{
    const int divisor = tern_score_divisor(s->config, s->layer);
    struct tern_score_param *score = tern_store_add_vector(s, name, "", TERN_I32, TERN_PARAM32);
    if (!score)
        return NULL;
    score->unit = tern_real_of(q_unit * k_unit / (127.0 * 127.0 * sqrt(divisor)) * 1024 / log(2));
    if (!tern_real_fits(score->unit))
        tern_store_refuse(s, TERN_PART_QUERY, 0, "with the key's, scores go up to %g", q_unit * k_unit * 0x1p30);
    return score;
}

/* The matrices of a layer's global token. Returns the unit of its values, which is brought to that of the others': at
   least the same. */
static double store_global(struct tern_store *s)
{
    const double q_unit = tern_store_linear(s, TERN_PART_QUERY_GLOBAL, &s->normed, 0);
    const double k_unit = tern_store_linear(s, TERN_PART_KEY_GLOBAL, &s->normed, 0);
    const double v_unit = tern_store_linear(s, TERN_PART_VALUE_GLOBAL, &s->normed, 0);
    s->global = tern_store_score(s, "global", q_unit, k_unit);
    return v_unit;
}

struct tern_copies tern_store_copies(const struct tern_store *s, enum tern_layer_input input)
{
    static const struct tern_copies none = {NULL, 0};
    return s->source->copies ? s->source->copies[s->layer * TERN_N_INPUTS + (int)input] : none;
}

void tern_store_all_copies(struct tern_store *s)
{
    for (int i = 0; i < TERN_N_INPUTS; i++) {
        const struct tern_copies copies = tern_store_copies(s, (enum tern_layer_input)i);
        uint16_t *column = copies.count ? tern_store_add_vector(s, tern_input_name((enum tern_layer_input)i), ".copies",
                                                                TERN_I16, copies.count)
                                        : NULL;
        if (column)
            memcpy(column, copies.column, (size_t)copies.count * sizeof *column);
    }
}

/* The Euclidean norm of the channels' bounds, each of which is that of `a`, times that of `b` (NULL: 1). Activations
   are below their input, but for the polynomial's error. *most: the largest of them. */
static double norm_of_bounds(const float *a, double a_unit, const float *b, int n, double *most)
{
    double norm2 = 0;
    *most = 0;
    for (int i = 0; i < n; i++) {
        const double bound = ((double)a[i] + 8 * a_unit) * (b ? (double)b[i] : 1);
        norm2 += bound * bound;
        *most = fmax(*most, bound);
    }
    return sqrt(norm2);
}

/* What ffn_down reads: activations, or the product of a gate. */
static struct tern_input store_feed(struct tern_store *s, const struct tern_layer_spec *spec)
{
    const enum tern_bump bump = bump_of(spec->activation);
    const int gated = spec->gate != TERN_GATE_NONE, n = spec->intermediate;
    float *const act = s->bounds, *const up = s->bounds + n;
    double most, up_unit;
    memset(s->bounds, 0, 2 * (size_t)n * sizeof *s->bounds);
    s->bound = act;
    const double act_unit =
        tern_store_linear(s, gated ? TERN_PART_FFN_GATE : TERN_PART_FFN_UP, &s->normed, tern_bump_least_unit(bump));
    tern_store_poly(s, "act", bump, act_unit);
    if (!gated) {
        struct tern_input in = tern_plain_input(act_unit, 16384, n);
        in.tight = norm_of_bounds(act, act_unit, NULL, n, &most);
        return in;
    }
    s->bound = up;
    up_unit = tern_store_linear(s, TERN_PART_FFN_UP, &s->normed, 0);
    struct tern_input in = {.unit = act_unit * up_unit, .norm = norm_of_bounds(act, act_unit, up, n, &most)};
    in.most = fmin(most / in.unit, 0x1p30);
    return in;
}

/* What elu(x) + 1 needs of queries and keys in these units; relu needs nothing, since a factor changes no answer. */
static void store_elu(struct tern_store *s, double q_unit, double k_unit)
{
    struct tern_elu_param *const p = tern_store_add_vector(s, "elu", "", TERN_I32, TERN_PARAM32);
    if (!p)
        return;
    p->query = (struct tern_elu){tern_real_of(1 / q_unit), tern_real_of(q_unit * 1024 / log(2))};
    p->key = (struct tern_elu){tern_real_of(1 / k_unit), tern_real_of(k_unit * 1024 / log(2))};
}

/* Attention, of a layer that has it; as store_layer. */
static double store_attention(struct tern_store *s, const struct tern_layer_spec *spec, double y_unit)
{
    const int pre = spec->place == TERN_NORM_PRE;
    if (pre && !spec->skip_norm)
        store_norm(s, TERN_PART_ATTN_NORM, "attn_norm", y_unit, tern_reads_affine(s->source, s->layer, TERN_INPUT_QKV),
                   0);
    const double y_norm = s->layer == 0 && s->config->embedding ? s->normed.norm : tern_store_output_norm(s);
    s->bound = spec->conv ? s->bounds : NULL;
    const double q_unit = tern_store_linear(s, TERN_PART_QUERY, &s->normed, 0);
    const double k_unit = tern_store_linear(s, TERN_PART_KEY, &s->normed, 0);
    const double global_unit = spec->global ? store_global(s) : 0;
    const double v_unit = tern_store_linear(s, TERN_PART_VALUE, &s->normed, global_unit);
    if (spec->global && s->global)
        s->global->ratio = (int32_t)fmax(1, fmin(32767, rint(global_unit / v_unit * 32768)));
    if (spec->attn_gate) { /* the logistic function is by tanh of half of it */
        const double unit =
            tern_store_linear(s, TERN_PART_ATTN_GATE, &s->normed, 2 * tern_bump_least_unit(TERN_BUMP_TANH));
        tern_store_poly(s, "attn_gate.act", TERN_BUMP_TANH, unit / 2);
    }
    const double turn = spec->position == TERN_POSITION_ROTARY ? s->turn[spec->table] : 1;
    if (spec->mixer == TERN_MIXER_ELU)
        store_elu(s, q_unit, k_unit);
    else if (!tern_is_linear(spec))
        tern_store_score(s, "score", q_unit * turn, k_unit * turn);
    tern_store_distances(s, q_unit, k_unit);

    if (spec->conv) {
        const double conv_unit = tern_store_conv(s, y_unit, y_norm, s->bounds, q_unit);
        s->tail_from = tern_attention_width(spec);
        s->tail_scale = conv_unit / v_unit;
    }
    /* A context row is a convex combination of value rows, or of conv_out's. */
    const double eta = 1 + ldexp(spec->clip_high, -TERN_CLIP_BITS); /* or that much more than one, if it is clipped */
    struct tern_input context = tern_plain_input(v_unit * eta, 16384, tern_context_width(spec));
    if (spec->value_conv)
        tern_store_value_conv(s, &context);
    if (spec->sub_norm) {
        store_norm(s, TERN_PART_ATTN_SUB_NORM, "attn_sub_norm", v_unit * eta,
                   tern_reads_affine(s->source, s->layer, TERN_INPUT_ATTN_OUT), 0);
        context = s->normed;
    }
    const double sum_unit = tern_store_linear(s, TERN_PART_ATTN_OUT, &context, y_unit);
    if (pre)
        return sum_unit;
    return store_norm(s, TERN_PART_ATTN_NORM, "attn_norm", sum_unit,
                      tern_reads_affine(s->source, s->layer, TERN_INPUT_FFN_UP), 0);
}

/* A Fourier transform instead, and the norm behind it. The sums' unit is y's times the model's. */
static double store_transformed(struct tern_store *s, double y_unit)
{
    return store_norm(s, TERN_PART_ATTN_NORM, "attn_norm", y_unit * s->fourier_unit,
                      tern_reads_affine(s->source, s->layer, TERN_INPUT_FFN_UP), 0);
}

/* The matrix that transforms columns, of rows y in their units, and the wave by which tokens are. y is within int16. */
static void store_fourier(struct tern_store *s)
{
    const struct tern_input rows = {.unit = 1, .norm = 32767 * sqrt(s->config->hidden)};
    const double unit = tern_store_linear(s, TERN_PART_FOURIER, &rows, 0);
    const int64_t length = TERN_WAVE;
    int8_t *const wave = tern_store_add(s, "fourier", ".wave", TERN_I8, 1, &length);
    struct tern_score_param *const ratio = tern_store_add_vector(s, "fourier", ".ratio", TERN_I32, TERN_PARAM32);
    s->fourier_unit = unit / (127 * 127);
    if (s->status)
        return;
    for (int i = 0; i < TERN_WAVE; i++)
        wave[i] = (int8_t)rint(127 * cos(6.283185307179586 * i / TERN_WAVE));
    ratio->unit = tern_real_of(1 / s->fourier_unit);
}

/* y_unit is that of the residual stream coming in; returns that of the stream going out. A norm in front of attention
   or feed-forward is stored before it, one behind the sums after. */
static double store_layer(struct tern_store *s, double y_unit)
{
    const struct tern_layer_spec *spec = &s->config->layer[s->layer];
    const int pre = spec->place == TERN_NORM_PRE;
    tern_store_all_copies(s);
    if (spec->heads)
        y_unit = store_attention(s, spec, y_unit);
    if (spec->mixer == TERN_MIXER_FOURIER)
        y_unit = store_transformed(s, y_unit);
    if (pre)
        store_norm(s, TERN_PART_FFN_NORM, "ffn_norm", y_unit, tern_reads_affine(s->source, s->layer, TERN_INPUT_FFN_UP),
                   0);
    struct tern_input activated = store_feed(s, spec);
    if (spec->sub_norm) {
        store_norm(s, TERN_PART_FFN_SUB_NORM, "ffn_sub_norm", activated.unit,
                   tern_reads_affine(s->source, s->layer, TERN_INPUT_FFN_DOWN), 0);
        activated = s->normed;
    }
    const double out_unit = tern_store_linear(s, TERN_PART_FFN_DOWN, &activated, y_unit);
    if (pre)
        return out_unit;
    return store_norm(s, TERN_PART_FFN_NORM, "ffn_norm", out_unit,
                      tern_reads_affine(s->source, s->layer + 1, tern_first_input(s->config, s->layer + 1)),
                      s->shared_unit);
}

static enum tern_bump pooler_bump(enum tern_pooler pooler)
{
    static const enum tern_bump bumps[TERN_N_POOLERS] = {
        [TERN_POOLER_NONE] = TERN_BUMP_RELU,         [TERN_POOLER_TANH] = TERN_BUMP_TANH,
        [TERN_POOLER_RELU] = TERN_BUMP_RELU,         [TERN_POOLER_GELU] = TERN_BUMP_GELU,
        [TERN_POOLER_GELU_NEW] = TERN_BUMP_GELU_NEW, [TERN_POOLER_SILU] = TERN_BUMP_SILU};
    return bumps[pooler];
}

struct tern_input tern_store_pooler_norm(struct tern_store *s, double unit)
{
    store_norm(s, TERN_PART_POOLER_NORM, "pooler.norm", unit, 0, 0);
    return s->normed;
}

static void store_heads(struct tern_store *s, double y_unit)
{
    const struct tern_config *c = s->config;
    struct tern_input in = c->head_reads == TERN_READS_MEAN ? behind_norm(s, y_unit, 1) : s->normed;
    if (c->pooler != TERN_POOLER_NONE) {
        const enum tern_bump bump = pooler_bump(c->pooler);
        double unit = tern_store_linear(s, TERN_PART_POOLER, &in, tern_bump_least_unit(bump));
        tern_store_poly(s, "pooler.act", bump, unit);
        unit = c->pooler == TERN_POOLER_TANH ? 1.0 / 32767 : unit;
        in = tern_plain_input(unit, 32767, tern_head_width(c));
        if (c->pooler_norm)
            in = tern_store_pooler_norm(s, unit);
    }
    if (c->head != TERN_HEAD_NONE)
        tern_store_linear(s, TERN_PART_CLASSIFIER, &in, 0);
}

/* What a dense layer reads is a vector of any length, in units that its text chooses: 2^-16 here, times a power of two
   (models/heads_embed.c). */
void tern_store_dense(struct tern_store *s)
{
    const struct tern_part *part = &tern_parts[TERN_PART_DENSE];
    for (s->layer = 0; s->layer < s->config->n_dense && !s->status; s->layer++) {
        const struct tern_input in =
            tern_plain_input(ldexp(1, -TERN_LOGIT_BITS), 32767, tern_part_shape(s->config, part, s->layer).k);
        tern_part_prefix(s->prefix, part, s->layer);
        tern_store_linear(s, TERN_PART_DENSE, &in, 0);
    }
    s->prefix[0] = 0;
    s->layer = -1;
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

static struct sizes sizes_of(const struct tern_config *c, const struct tern_copies *copies)
{
    const size_t e = (size_t)tern_embedding_size(c), h = larger(e, (size_t)c->hidden);
    /* Positions and token types are read into one table. */
    struct sizes s = {.rows = h, .columns = h};
    if (!tern_config_is_static(c))
        s.matrix = ((size_t)c->max_positions + (size_t)c->token_types) * e;
    for (const struct tern_part *p = tern_parts; p < tern_parts + TERN_N_PARTS; p++) {
        const int n_parts = p->columns ? tern_part_count(c, p) : 0;
        for (int i = 0; i < n_parts; i++) {
            const struct tern_shape shape = tern_part_shape(c, p, i);
            const size_t size = (size_t)shape.n * (size_t)shape.k;
            s.matrix = larger(s.matrix, size);
            s.weights += tern_part_owned(c, p, i) ? size : 0;
            if (p->kind == TERN_KIND_TABLE)
                continue;
            const int k =
                shape.k +
                (copies && p->place == TERN_PLACE_LAYER ? copies[i * TERN_N_INPUTS + (int)p->reads].count : 0);
            s.rows = larger(s.rows, (size_t)shape.n);
            s.columns = larger(s.columns, (size_t)k);
            s.dense = larger(s.dense, (size_t)tern_round_up(shape.n, 16) * (size_t)tern_round_up(k, 16));
        }
    }
    return s;
}

static void store_model(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    if (tern_config_is_static(c)) {
        tern_store_static(s);
        tern_store_dense(s);
        return;
    }
    if (tern_config_is_scaled(c)) {
        tern_store_scaled(s);
        return;
    }
    if (tern_config_shares_layers(c))
        find_shared_unit(s, (int16_t *)s->scratch);
    double y_unit = store_embeddings(s);
    if (tern_config_is_fourier(c))
        store_fourier(s);
    for (int i = 0; i < c->layers; i++) {
        if (c->layer[i].weights != i) {
            y_unit = s->shared_unit;
            continue;
        }
        tern_part_prefix(s->prefix, &tern_parts[TERN_PART_QUERY], i);
        s->layer = i;
        y_unit = store_layer(s, y_unit);
    }
    s->prefix[0] = 0;
    s->layer = -1;
    if (tern_config_is_pre_norm(c))
        y_unit = store_norm(s, TERN_PART_FINAL_NORM, "final_norm", y_unit, 0, 0);
    store_heads(s, y_unit);
    tern_store_dense(s);
}

/* Of the widest norm. */
static size_t norm_width(const struct tern_config *c)
{
    size_t width = larger((size_t)tern_head_width(c), larger((size_t)c->hidden, (size_t)tern_embedding_size(c)));
    for (int i = 0; i < c->layers; i++)
        if (c->layer[i].sub_norm)
            width = larger(width, larger((size_t)c->layer[i].intermediate, (size_t)tern_attention_width(&c->layer[i])));
    return width;
}

tern_status tern_store_int8(struct tern_builder *builder, const struct tern_source *source, tern_error *err)
{
    const struct tern_config *c = source->config;
    const struct sizes sizes = sizes_of(c, source->copies);
    struct tern_store s = {
        .layer = -1, .builder = builder, .source = source, .config = c, .total = sizes.weights, .err = err};
    s.matrix = malloc(sizes.matrix * sizeof(float));
    const size_t norm = norm_width(c),
                 most = (size_t)tern_largest_number(c, offsetof(struct tern_layer_spec, intermediate)),
                 wide = larger(most, (size_t)tern_widest_attention(c));
    s.bias = malloc((sizes.rows + sizes.columns + 2 * norm + 2 * wide) * sizeof(float));
    s.scratch = malloc(tern_quantize_scratch((int)sizes.rows, (int)sizes.columns) * sizeof(float));
    s.row_q = (int8_t *)s.scratch;
    if (source->sparse)
        s.dense = malloc(sizes.dense);
    if (s.matrix && s.bias && s.scratch && (s.dense || !source->sparse)) {
        s.row = s.bias + sizes.rows;
        s.gamma = s.row + sizes.columns;
        s.beta = s.gamma + norm;
        s.bounds = s.beta + norm;
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
