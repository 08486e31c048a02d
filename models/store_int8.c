#include "models/store.h"
#include "models/weights.h"
#include "quant/activation.h"
#include "quant/prune.h"
#include "quant/sparse.h"
#include "quant/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* State of one conversion. The first failure sticks; everything after it does nothing. */
struct store {
    struct tern_builder *builder;
    const struct tern_source *source;
    const struct tern_config *config;
    char prefix[32];
    int layer;                 /* -1: outside of the layers */
    float *matrix, *bias;      /* the float tensors being read */
    float *gamma, *beta, *row; /* of the LayerNorm before, [hidden]; one row of scratch */
    struct tern_input normed;  /* what the matrices behind that LayerNorm read */
    int16_t *column;           /* the embeddings' column scales, in the builder */
    struct tern_coding coding; /* of the encoder's matrices */
    float *scratch;            /* of the quantisers */
    int8_t *row_q;             /* [hidden] a row of values, in scratch */
    int8_t *dense;             /* a sparse matrix before its blocks are counted; NULL: none is */
    size_t done, total;
    tern_status status;
    tern_error *err;
};

static void read_floats(struct store *s, const char *name, const char *suffix, float *out, size_t count)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", s->prefix, name, suffix);
    if (!s->status)
        s->status = s->source->read(s->source->context, full, out, count, s->err);
}

static void *add(struct store *s, const char *name, const char *suffix, enum tern_dtype dtype, int n_dims,
                 const int64_t *shape)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", s->prefix, name, suffix);
    void *data = s->status ? NULL : tern_builder_add(s->builder, full, dtype, n_dims, shape);
    if (!s->status && !data)
        s->status = tern_fail_nomem(s->err, full, 0);
    return data;
}

static void *add_vector(struct store *s, const char *name, const char *suffix, enum tern_dtype dtype, int count)
{
    const int64_t padded = tern_round_up(count, dtype == TERN_I16 ? PAD16 : PAD32);
    return add(s, name, suffix, dtype, 1, &padded);
}

static void report(struct store *s, const char *name, const char *became, double bits, double error)
{
    if (s->status || !s->source->report)
        return;
    char line[200], full[64];
    snprintf(full, sizeof full, "%s%s", s->prefix, name);
    snprintf(line, sizeof line, "%-20s %-38s %7.3f bits/weight  relative squared error %.2e", full, became, bits,
             error);
    s->source->report(s->source->listener, line);
}

static void advance(struct store *s, size_t count)
{
    s->done += count;
    if (!s->status && s->source->progress)
        s->source->progress(s->source->listener, s->done, s->total);
}

/* ---- The parts of a model -------------------------------------------------------------------------------------- */

enum kind { REQUANT, RESIDUAL, LOGITS };

/* Adds the tensors that hold the weights. Returns their bytes. */
static double add_weights(struct store *s, const char *name, int n, int k, struct tern_linear_out *out)
{
    const enum tern_format format = out->coding.format;
    const int panels = tern_panels(n), k4 = tern_k4(k);
    if (out->weight) /* sparse: store_sparse */
        return 0;
    if (format == TERN_FORMAT_INT8) {
        const int64_t shape[4] = {panels, k4, TERN_PANEL, TERN_PANEL_K};
        out->weight = add(s, name, ".weight", TERN_I8, 4, shape);
        return (double)panels * k4 * TERN_LINE;
    }
    const int lines = tern_code_lines(tern_format_bits(format), k4);
    const int64_t shape[3] = {panels, lines, TERN_LINE};
    double bytes = (double)panels * lines * TERN_LINE;
    out->line = add(s, name, ".code", TERN_U8, 3, shape);
    if (tern_format_grouped(format)) {
        const int64_t muls = (int64_t)panels * ((k + out->coding.group - 1) / out->coding.group) * TERN_PANEL;
        const int64_t padded = (muls + 63) / 64 * 64;
        out->group_mul = add(s, name, ".group", TERN_U8, 1, &padded);
        bytes += (double)padded;
    }
    return bytes;
}

static const struct {
    const char *name;
    enum tern_layer_input input;
} matrices[TERN_N_MATRICES] = {{"query", TERN_INPUT_QKV},         {"key", TERN_INPUT_QKV},
                               {"value", TERN_INPUT_QKV},         {"attn_out", TERN_INPUT_ATTN_OUT},
                               {"ffn_up", TERN_INPUT_FFN_UP},     {"ffn_down", TERN_INPUT_FFN_DOWN}};

static int matrix_index(const char *name)
{
    int i = 0;
    while (strcmp(matrices[i].name, name))
        i++;
    return i;
}

/* Whether a matrix lies on the grid of its format: there every weight is its nearest value, to begin with. */
static int is_trained(const struct store *s, const char *name)
{
    return s->layer >= 0 && s->source->trained && s->source->trained[s->layer * TERN_N_MATRICES + matrix_index(name)];
}

/* How a layer's matrix is quantised. */
static struct tern_coding coding_of(struct store *s, const char *name)
{
    struct tern_coding coding = s->coding;
    const int which = matrix_index(name);
    if (s->source->formats)
        coding.format = s->source->formats[s->layer * TERN_N_MATRICES + which];
    if (coding.format == TERN_FORMAT_INT8 || is_trained(s, name) || !s->source->second || s->status)
        return coding;
    coding.second = s->source->second(s->source->calibration, s->layer, matrices[which].input);
    if (!coding.second)
        s->status = tern_fail(s->err, TERN_FORMAT,
                              "%s%s: the calibration's second moments are not finite or not positive; calibrate on "
                              "more or other texts",
                              s->prefix, name);
    return coding;
}

/* A tensor that stays int8 when another type was asked for. */
static void say_instead(const struct store *s, char *how, size_t capacity, enum tern_format asked)
{
    if (asked != TERN_FORMAT_INT8 && !s->source->rest_asked)
        snprintf(how, capacity, "instead of %s", tern_format_name(asked));
}

/* The blocks of the int8 panels in s->dense, of which there are `lines` of 64 bytes at least. Returns their bytes. */
static double store_sparse(struct store *s, const char *name, int n, int k, int32_t *param, int64_t *blocks)
{
    const enum tern_block_shape shape = s->source->block;
    const int panels = tern_panels(n), k4 = tern_k4(k), strips = panels * tern_block_strips(shape);
    uint16_t *count = add_vector(s, name, ".count", TERN_I16, strips);
    int32_t *first = add_vector(s, name, ".first", TERN_I32, panels + 1);
    if (s->status)
        return 0;
    *blocks = tern_sparse_survey(s->dense, panels, k4, shape, count, first);
    const int lines = first[panels] ? first[panels] : 1, indices = lines * tern_line_indices(shape);
    const int64_t dims[2] = {lines, TERN_LINE};
    int8_t *value = add(s, name, ".value", TERN_I8, 2, dims);
    uint16_t *index = add_vector(s, name, ".index", TERN_I16, indices);
    if (s->status)
        return 0;
    const struct tern_sparse w = {value, index, count, first, shape};
    tern_sparse_fill(s->dense, panels, k4, &w, value, index);
    param[6] = (int32_t)shape + 1;
    param[7] = lines;
    return (double)lines * TERN_LINE + 2.0 * indices + 2.0 * strips + 4.0 * panels;
}

static void prune(struct store *s, const char *name, int n, int k)
{
    const struct tern_pruning pruning = {s->source->block, s->source->prune};
    if (!s->status && tern_prune(s->matrix, n, k, &pruning))
        s->status = tern_fail_nomem(s->err, name, 0);
}

static void report_linear(struct store *s, const char *name, int n, int k, const struct tern_linear_out *out,
                          double bytes, int64_t blocks)
{
    const enum tern_format format = out->coding.format;
    char became[64], how[32] = "per output channel";
    const enum tern_block_shape shape = s->source->block;
    const double block = tern_block_outputs(shape) * (shape == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K);
    if (blocks >= 0)
        snprintf(how, sizeof how, "%.1f %% of %s blocks left", 100 * (double)blocks * block / ((double)n * k),
                 tern_block_shape_name(shape));
    else if (is_trained(s, name))
        snprintf(how, sizeof how, "kept as trained");
    else if (tern_format_grouped(format))
        snprintf(how, sizeof how, "per %d inputs", out->coding.group);
    else if (s->layer < 0)
        say_instead(s, how, sizeof how, s->coding.format);
    snprintf(became, sizeof became, "%s [%d, %d] %s", tern_format_name(format), n, k, how);
    report(s, name, became, bytes * 8 / ((double)n * k), out->error);
}

/* Quantises layer `name` [n][k]; `unit` is the least output unit (REQUANT) or the residual's (RESIDUAL). Returns the
   output's unit. */
static double store_linear(struct store *s, const char *name, int n, int k, const struct tern_input *in, enum kind kind,
                           double unit)
{
    const int padded = tern_panels(n) * TERN_PANEL;
    read_floats(s, name, ".weight", s->matrix, (size_t)n * (size_t)k);
    read_floats(s, name, ".bias", s->bias, (size_t)n);
    struct tern_linear_out out = {0};
    if (s->layer >= 0) /* the heads' few weights stay int8 */
        out.coding = coding_of(s, name);
    const int sparse = s->layer >= 0 && s->source->sparse;
    int64_t blocks = -1; /* that are left */
    if (sparse) {
        prune(s, name, n, k);
        out.weight = s->dense;
        memset(s->dense, 0, (size_t)padded * (size_t)tern_k4(k) * TERN_PANEL_K);
    }
    double bytes = add_weights(s, name, n, k, &out);
    out.mul = add_vector(s, name, ".mul", TERN_I16, padded);
    if (kind == REQUANT)
        out.bias16 = add_vector(s, name, ".bias", TERN_I16, padded);
    else
        out.bias32 = add_vector(s, name, ".bias", TERN_I32, padded);
    int32_t *param = add_vector(s, name, ".param", TERN_I32, PARAMS);
    if (s->status)
        return 1;

    const struct tern_float_linear f = {s->matrix, s->bias, n, k};
    if (kind == REQUANT)
        tern_quantize_requant(&out, &f, in, unit, s->scratch);
    else if (kind == RESIDUAL)
        tern_quantize_residual(&out, &f, in, unit, s->scratch);
    else
        tern_quantize_logits(&out, &f, in, s->scratch);
    param[0] = out.wnorm2;
    param[1] = out.kappa.mul;
    param[2] = out.kappa.exp;
    param[3] = out.up;
    param[4] = (int32_t)out.coding.format;
    param[5] = tern_format_grouped(out.coding.format) ? out.coding.group : 0;
    if (sparse)
        bytes = store_sparse(s, name, n, k, param, &blocks);
    bytes += (double)padded * (2 + (kind == REQUANT ? 2 : 4)) + PARAMS * 4;
    report_linear(s, name, n, k, &out, bytes, blocks);
    advance(s, (size_t)n * (size_t)k);
    return out.unit;
}

/* What the matrices behind the LayerNorm just read have as rows: its n16, gamma and beta folded, |n| = sqrt(hidden); or
   its y in `unit`, |y| <= |gamma n| + |beta|. */
static struct tern_input behind_norm(const struct store *s, double unit, int affine)
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
static double store_norm(struct store *s, const char *name, const char *stored, double sum_unit, int affine)
{
    const int n = s->config->hidden;
    read_floats(s, name, ".weight", s->gamma, (size_t)n);
    read_floats(s, name, ".bias", s->beta, (size_t)n);
    int16_t *gamma = add_vector(s, stored, ".gamma", TERN_I16, n), *beta = add_vector(s, stored, ".beta", TERN_I16, n);
    int32_t *param = add_vector(s, stored, ".param", TERN_I32, PARAMS);
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

static void store_poly(struct store *s, const char *name, enum tern_bump bump, double unit)
{
    int16_t *p = add_vector(s, name, "", TERN_I16, 12);
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

/* One embedding table being stored: int8 rows now, their multipliers when the unit common to all tables is known. */
struct table {
    int rows;
    enum tern_format format;
    int8_t *q;     /* int8 */
    uint8_t *line; /* codes, as in models/weights.h */
    double *scale;
    double wrong, all; /* squared error and squares so far */
};

/* k steps that a row of codes takes. */
static int row_steps(const struct store *s)
{
    return (s->config->hidden + TERN_LINE - 1) / TERN_LINE;
}

static struct table open_table(struct store *s, const char *name, int rows, enum tern_format format)
{
    struct table t = {.rows = rows, .format = format};
    if (format == TERN_FORMAT_INT8) {
        const int64_t shape[2] = {tern_round_up(rows, 64), s->config->hidden};
        t.q = add(s, name, ".q", TERN_I8, 2, shape);
    } else {
        const int64_t shape[3] = {
            1, tern_table_lines(tern_codebook(format), row_steps(s), tern_round_up(rows, 64)), TERN_LINE};
        t.line = add(s, name, ".code", TERN_U8, 3, shape);
        int32_t *param = add_vector(s, name, ".param", TERN_I32, PARAMS);
        if (param)
            param[4] = (int32_t)format;
    }
    t.scale = malloc((size_t)rows * sizeof *t.scale);
    if (!s->status && !t.scale)
        s->status = tern_fail_nomem(s->err, name, (size_t)rows * sizeof *t.scale);
    return t;
}

/* Row w to codes, and to the values that they stand for. */
static double code_row(struct store *s, struct table *t, int row, const float *w, int8_t *q)
{
    const int hidden = s->config->hidden, bits = tern_format_bits(t->format);
    const struct tern_row_place place = tern_row_place(tern_codebook(t->format), row_steps(s), row);
    uint8_t *line = t->line + place.line * TERN_LINE, *codes = (uint8_t *)q;
    const double scale = tern_quantize_row_codes(t->format, s->coding.plain, w, hidden, codes);
    for (int j = 0; j < hidden; j++) {
        const int within = j % TERN_LINE;
        tern_code_put(line, bits, place.before + j / TERN_LINE, within / TERN_PANEL_K, within % TERN_PANEL_K, codes[j]);
        q[j] = tern_codebook(t->format)->value[codes[j]];
    }
    return scale;
}

/* w[hidden] is used up: it is divided by the columns' scales. */
static void table_row(struct store *s, struct table *t, int row, float *w)
{
    const int hidden = s->config->hidden;
    int8_t *q = t->q ? t->q + (ptrdiff_t)row * hidden : s->row_q;
    for (int j = 0; j < hidden; j++)
        w[j] /= s->column[j];
    t->scale[row] = t->q ? tern_quantize_row(q, w, hidden) : code_row(s, t, row, w, q);
    for (int j = 0; j < hidden; j++) {
        double exact = (double)w[j] * s->column[j], difference = exact - q[j] * t->scale[row] * s->column[j];
        t->wrong += difference * difference;
        t->all += exact * exact;
    }
}

/* The scale of every column of the word table in s->matrix: the root of its rms, over the largest, times 32767. */
static void store_columns(struct store *s)
{
    const int hidden = s->config->hidden, vocab = s->config->vocab;
    double largest = 0;
    s->column = add_vector(s, "embed.column", "", TERN_I16, hidden);
    if (s->status)
        return;
    for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < hidden; j++) {
            double sum2 = 0;
            for (int i = 0; i < vocab; i++)
                sum2 += (double)s->matrix[(ptrdiff_t)i * hidden + j] * (double)s->matrix[(ptrdiff_t)i * hidden + j];
            const double root = sqrt(sqrt(sum2));
            largest = fmax(largest, root);
            if (pass)
                s->column[j] = (int16_t)(largest > 0 ? fmax(1, rint(root / largest * 32767)) : 1);
        }
    }
}

/* Returns the table's largest scale. */
static double report_table(struct store *s, const char *name, const struct table *t)
{
    char became[64];
    const double hidden = s->config->hidden;
    const double bits = t->q ? 8 : (double)tern_format_bits(t->format) * row_steps(s) * TERN_LINE / hidden;
    char how[32] = "per row and column";
    if (t->format != s->source->embeddings)
        say_instead(s, how, sizeof how, s->source->embeddings);
    snprintf(became, sizeof became, "%s [%d, %d] %s", tern_format_name(t->format), t->rows, s->config->hidden, how);
    report(s, name, became, bits + 16 / hidden, t->all > 0 ? t->wrong / t->all : 0);
    double largest = 0;
    for (int i = 0; !s->status && i < t->rows; i++)
        largest = fmax(largest, t->scale[i]);
    return largest;
}

static void close_table(struct store *s, const char *name, struct table *t, double unit)
{
    int16_t *mul = add_vector(s, name, ".mul", TERN_I16, t->rows);
    for (int i = 0; mul && i < t->rows; i++)
        mul[i] = (int16_t)lrint(t->scale[i] / unit);
    free(t->scale);
}

/* Position and token type in one table, a row for each pair: a type's row is added to every token of a text, and its
   own rounding would shift them all alike (a fifth of the error of the shipped model's embeddings). */
static struct table store_positions(struct store *s)
{
    const struct tern_config *c = s->config;
    const int hidden = c->hidden, positions = c->max_positions, types = c->token_types ? c->token_types : 1;
    struct table t = open_table(s, "embed.position", types * positions, TERN_FORMAT_INT8);
    const float *type = s->matrix + (ptrdiff_t)positions * hidden;
    read_floats(s, "embed.position", ".weight", s->matrix, (size_t)positions * (size_t)hidden);
    if (c->token_types)
        read_floats(s, "embed.type", ".weight", s->matrix + (ptrdiff_t)positions * hidden,
                    (size_t)types * (size_t)hidden);
    for (int i = 0; !s->status && i < types * positions; i++) {
        const float *position = s->matrix + (ptrdiff_t)(i % positions) * hidden;
        for (int j = 0; j < hidden; j++)
            s->row[j] = position[j] + (c->token_types ? type[(ptrdiff_t)(i / positions) * hidden + j] : 0);
        table_row(s, &t, i, s->row);
    }
    advance(s, (size_t)(positions + c->token_types) * (size_t)hidden);
    return t;
}

static struct table store_words(struct store *s)
{
    const int hidden = s->config->hidden, vocab = s->config->vocab;
    struct table t = open_table(s, "embed.word", vocab, s->source->embeddings);
    read_floats(s, "embed.word", ".weight", s->matrix, (size_t)vocab * (size_t)hidden);
    store_columns(s);
    for (int i = 0; !s->status && i < vocab; i++)
        table_row(s, &t, i, s->matrix + (ptrdiff_t)i * hidden);
    advance(s, (size_t)vocab * (size_t)hidden);
    return t;
}

/* Returns the unit of the embedding LayerNorm's output. */
static double store_embeddings(struct store *s)
{
    struct table word = store_words(s);
    double largest = report_table(s, "embed.word", &word);
    struct table position = store_positions(s);
    largest = fmax(largest, report_table(s, "embed.position", &position));
    double unit = largest > 0 ? largest / 32767 : 1; /* of a row's multiplier; the op shifts it by 8 */
    close_table(s, "embed.word", &word, unit);
    close_table(s, "embed.position", &position, unit);
    return store_norm(s, "embed.norm", "embed_norm", unit * 256, tern_reads_affine(s->source, 0, TERN_INPUT_QKV));
}

/* y_unit is that of the residual stream coming in; returns that of the stream going out. */
static double store_layer(struct store *s, double y_unit)
{
    const struct tern_config *c = s->config;
    const int h = c->hidden, head_dim = h / c->heads;
    double q_unit = store_linear(s, "query", h, h, &s->normed, REQUANT, 0);
    double k_unit = store_linear(s, "key", h, h, &s->normed, REQUANT, 0);
    double v_unit = store_linear(s, "value", h, h, &s->normed, REQUANT, 0);

    /* Scores in octaves, Q10: q and k are amax / 127 units a step each. */
    int32_t *score = add_vector(s, "score", "", TERN_I32, PARAMS);
    if (score) {
        struct tern_real real = tern_real_of(q_unit * k_unit / (127.0 * 127.0 * sqrt(head_dim)) * 1024 / log(2));
        score[0] = real.mul;
        score[1] = real.exp;
    }

    /* A context row is a convex combination of value rows. */
    struct tern_input context = plain(v_unit, 16384, h);
    double sum_unit = store_linear(s, "attn_out", h, h, &context, RESIDUAL, y_unit);
    y_unit = store_norm(s, "attn_norm", "attn_norm", sum_unit,
                        tern_reads_affine(s->source, s->layer, TERN_INPUT_FFN_UP));

    double act_unit = store_linear(s, "ffn_up", c->intermediate, h, &s->normed, REQUANT, tern_bump_least_unit());
    store_poly(s, "act", bump_of(c->activation), act_unit);
    struct tern_input activated = plain(act_unit, 16384, c->intermediate);
    sum_unit = store_linear(s, "ffn_down", h, c->intermediate, &activated, RESIDUAL, y_unit);
    return store_norm(s, "ffn_norm", "ffn_norm", sum_unit, tern_reads_affine(s->source, s->layer + 1, TERN_INPUT_QKV));
}

static void store_heads(struct store *s)
{
    const struct tern_config *c = s->config;
    struct tern_input in = s->normed;
    if (c->has_pooler) {
        double unit = store_linear(s, "pooler", c->hidden, c->hidden, &in, REQUANT, tern_bump_least_unit());
        int tanh_like = c->architecture == TERN_BERT;
        store_poly(s, "pooler.act", tanh_like ? TERN_BUMP_TANH : TERN_BUMP_RELU, unit);
        in = plain(tanh_like ? 1.0 / 32767 : unit, 32767, c->hidden);
    }
    if (c->n_labels)
        store_linear(s, "classifier", c->n_labels, c->hidden, &in, LOGITS, 0);
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
    struct store s = {.layer = -1, .builder = builder, .source = source, .config = c, .total = count_weights(c),
                      .err = err};
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
