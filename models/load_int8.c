/* Loads and checks the weights of an integer model, which then point into the file. */
#include "models/blocks.h"
#include "models/bounds.h"
#include "models/format.h"
#include "models/fourier.h"
#include "models/load.h"
#include "models/load_kernels.h"
#include "models/scheme.h"
#include "models/token_dropout.h"
#include "models/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)TERN_BOUND_K >= (int)TERN_MAX_INTERMEDIATE && (int)TERN_BOUND_K >= (int)TERN_MAX_HIDDEN,
               "bounds.h covers the config's limits");
_Static_assert((int)TERN_BOUND_K >= (int)TERN_MAX_WIDTH, "bounds.h covers dense layers behind the pooling");
_Static_assert((int)TERN_BOUND_TOKENS >= (int)TERN_MAX_POSITIONS, "bounds.h covers the config's limits");

static struct tern_real load_real(struct tern_loader *l, const char *name, struct tern_real r)
{
    if (!tern_real_fits(r))
        tern_load_fail(l, name, "holds a real number out of range");
    return r;
}

/* Two planes of three codes: a bit set in both is a fourth. */
static int ternary_code_missing(const uint8_t *line, size_t bytes)
{
    unsigned both = 0;
    for (size_t i = 0; i < bytes; i += 2 * TERN_LINE)
        for (size_t j = 0; j < TERN_LINE; j++)
            both |= line[i + j] & line[i + TERN_LINE + j];
    return both != 0;
}

static const uint8_t *load_lines(struct tern_loader *l, const char *part, enum tern_format format, int64_t panels,
                                 int64_t lines)
{
    const int64_t shape[3] = {panels, lines, TERN_LINE};
    const uint8_t *line = tern_load_tensor(l, part, TERN_U8, 3, shape);
    if (line && format == TERN_FORMAT_TERNARY && ternary_code_missing(line, (size_t)(panels * lines) * TERN_LINE))
        tern_load_fail(l, part, "holds a code that ternary weights lack");
    return line;
}

/* The multipliers of matrix `name`, of the group size in its parameters. */
static void load_groups(struct tern_loader *l, struct tern_codes *w, const char *name, int panels, int k4,
                        const struct tern_linear_param *p)
{
    char part[96];
    snprintf(part, sizeof part, "%s.group", name);
    if (p->group != 32 && p->group != 64 && p->group != 128) {
        tern_load_fail(l, part, "has groups of another size than 32, 64 or 128 inputs");
        return;
    }
    w->group = p->group / TERN_PANEL_K;
    w->mul = tern_load_multipliers(l, part, (int64_t)panels * ((k4 + w->group - 1) / w->group) * TERN_PANEL,
                                   w->book->most_mul);
}

/* The codes of matrix `name`, of the format and group size in its parameters. */
static void load_codes(struct tern_loader *l, struct tern_codes *w, const char *name, int n, int k,
                       const struct tern_linear_param *p)
{
    char part[96];
    const enum tern_format format = (enum tern_format)p->format;
    const int panels = tern_panels(n), k4 = tern_k4(k);
    w->book = tern_codebook(format);
    snprintf(part, sizeof part, "%s.code", name);
    w->line = load_lines(l, part, format, panels, tern_code_lines(w->book->bits, k4));
    if (tern_format_grouped(format))
        load_groups(l, w, name, panels, k4, p);
}

/* The codes of a block-sparse matrix, two lines of values to a line. */
static void load_block_codes(struct tern_loader *l, struct tern_codes *w, const char *name, int n, int k,
                             const struct tern_linear_param *p)
{
    char part[96];
    const int64_t shape[2] = {p->lines / 2, TERN_LINE};
    w->book = tern_codebook((enum tern_format)p->format);
    snprintf(part, sizeof part, "%s.code", name);
    w->line = tern_load_tensor(l, part, TERN_U8, 2, shape);
    load_groups(l, w, name, tern_panels(n), tern_k4(k), p);
}

/* The blocks of matrix `name`, of the shape in its parameters; with codes their values are in those. */
static void load_sparse(struct tern_loader *l, struct tern_linear *out, const char *name, int n, int k,
                        const struct tern_linear_param *p)
{
    char part[96];
    const int coded = !tern_format_is_bytes((enum tern_format)p->format);
    if (p->blocks < 1 || p->blocks > TERN_N_BLOCK_SHAPES || p->lines < 1 || (coded && p->lines % 2) ||
        !tern_sparse_fits((enum tern_format)p->format, (enum tern_block_shape)(p->blocks - 1), NULL)) {
        snprintf(part, sizeof part, "%s.param", name);
        tern_load_fail(l, part, "names blocks that do not exist");
        return;
    }
    struct tern_sparse *const w = &out->sparse;
    w->shape = (enum tern_block_shape)(p->blocks - 1);
    const int panels = tern_panels(n);
    const int64_t lines[2] = {p->lines, TERN_LINE},
                  counts = tern_round_up(panels * tern_block_strips(w->shape), TERN_PARAM16);
    const int64_t indices =
        ((int64_t)p->lines * tern_line_indices(w->shape) + TERN_PARAM16 - 1) / TERN_PARAM16 * TERN_PARAM16;
    const int64_t first = tern_round_up(panels + 1, TERN_PARAM32);
    snprintf(part, sizeof part, "%s.index", name);
    w->index = tern_load_tensor(l, part, TERN_I16, 1, &indices);
    snprintf(part, sizeof part, "%s.count", name);
    w->count = tern_load_tensor(l, part, TERN_I16, 1, &counts);
    snprintf(part, sizeof part, "%s.first", name);
    w->first = tern_load_tensor(l, part, TERN_I32, 1, &first);
    snprintf(part, sizeof part, "%s.%s", name, coded ? "code" : "value");
    if (coded)
        load_block_codes(l, &out->codes, name, n, k, p);
    else
        w->value = tern_load_bounded(l, part, 2, lines, tern_format_bound((enum tern_format)p->format));
    const char *fault = l->status ? NULL : tern_sparse_fault(w, panels, tern_k4(k), p->lines);
    if (fault)
        tern_load_fail(l, name, fault);
}

static void load_left(struct tern_loader *l, struct tern_linear *w, const char *name, int count, enum tern_end ends)
{
    char part[96];
    const int64_t shape = count;
    snprintf(part, sizeof part, "%s.left", name);
    w->left = tern_load_tensor(l, part, TERN_I32, 1, &shape);
    for (int i = 0; w->left && i < count; i++)
        if (w->left[i] < 0 || w->left[i] > TERN_MOST_LEFT || ends == TERN_END_LOGITS) {
            tern_load_fail(l, part, "holds a number out of range");
            return;
        }
}

/* What sums with exponents have beside the rest; biases may not need a bit more. */
static void load_exponents(struct tern_loader *l, struct tern_linear *w, const struct tern_part *of,
                           const struct tern_linear_param *p)
{
    char part[96];
    w->bias_exp = p->bias_exp;
    w->gamma_exp = p->gamma_exp;
    if (of->ends == TERN_END_RESIDUAL) {
        snprintf(part, sizeof part, "%s.gamma", of->name);
        w->gamma = tern_load_i16(l, part, w->n, -32767);
    }
    int fits = abs(w->bias_exp) <= TERN_MOST_EXP && abs(w->gamma_exp) <= TERN_MOST_EXP;
    for (int i = 0; fits && w->bias32 && i < w->n; i++)
        fits = w->bias32[i] >= -(1 << 29) && w->bias32[i] <= 1 << 29;
    snprintf(part, sizeof part, "%s.param", of->name);
    if (!fits || p->left)
        tern_load_fail(l, part, "holds a number out of range");
}

static void load_linear(struct tern_loader *l, struct tern_linear *w, const struct tern_config *c,
                        const struct tern_part *of, struct tern_shape size)
{
    char part[96];
    const char *name = of->name;
    const enum tern_end ends = tern_part_ends(c, of);
    snprintf(part, sizeof part, "%s.param", name);
    const struct tern_linear_param *p = tern_load_params(l, part);
    if (!p)
        return;
    if (p->copies < 0 || p->copies > (of->reads < TERN_N_INPUTS ? TERN_MAX_COPIES : 0) ||
        size.k + p->copies > TERN_BOUND_K) {
        tern_load_fail(l, part, "repeats more columns than it may");
        return;
    }
    const int n = size.n, k = size.k + p->copies, panels = tern_panels(n), k4 = tern_k4(k);
    const int64_t shape[4] = {panels, k4, TERN_PANEL, TERN_PANEL_K};
    w->n = n;
    w->k = k;
    if (p->format < TERN_FORMAT_INT8 || p->format >= TERN_N_FORMATS) {
        tern_load_fail(l, part, "names a format of weights that does not exist");
        return;
    }
    w->wnorm2 = p->wnorm2;
    w->kappa = load_real(l, part, p->kappa);
    w->up = p->up;
    if (w->wnorm2 < 0 || w->up < 0 || w->up > 15)
        tern_load_fail(l, part, "holds a number out of range");
    snprintf(part, sizeof part, "%s.weight", name);
    if (p->blocks)
        load_sparse(l, w, name, n, k, p);
    else if (tern_format_is_bytes((enum tern_format)p->format))
        w->weight = tern_load_bounded(l, part, 4, shape, w->bound = tern_format_bound((enum tern_format)p->format));
    else
        load_codes(l, &w->codes, name, n, k, p);
    if (p->left)
        load_left(l, w, name, panels * TERN_PANEL, ends);
    snprintf(part, sizeof part, "%s.mul", name);
    w->mul = tern_load_i16(l, part, panels * TERN_PANEL, 0);
    snprintf(part, sizeof part, "%s.bias", name);
    if (ends != TERN_END_REQUANT) {
        int64_t count = panels * TERN_PANEL;
        w->bias32 = tern_load_tensor(l, part, TERN_I32, 1, &count);
    } else {
        w->bias16 = tern_load_i16(l, part, panels * TERN_PANEL, -32767);
    }
    if (ends == TERN_END_SCALED)
        load_exponents(l, w, of, p);
}

/* A layer's matrix, or the two that it is given as, of which the first reads the copies of columns. */
static void load_matrix(struct tern_loader *l, struct tern_layer *layer, const struct tern_config *c,
                        const struct tern_part *part, struct tern_shape shape, int rank)
{
    char name[TERN_INNER_NAME];
    struct tern_part first = *part, second = *part;
    struct tern_linear *const w = &layer->matrix[part->index], *const inner = &layer->inner[part->index];
    if (!rank) {
        load_linear(l, w, c, part, shape);
        return;
    }
    tern_inner_name(name, part);
    first.name = name;
    first.ends = TERN_END_REQUANT;
    second.reads = TERN_INPUT_HEAD; /* it has no copies */
    load_linear(l, inner, c, &first, (struct tern_shape){rank, shape.k});
    load_linear(l, w, c, &second, (struct tern_shape){shape.n, rank});
    w->inner = inner;
    if (w->sparse.first || inner->sparse.first)
        tern_load_fail(l, part->name, "is block-sparse; matrices that stand for one in pairs may not be");
}

static void load_norm(struct tern_loader *l, struct tern_norm *norm, const char *name, int n)
{
    char part[96];
    snprintf(part, sizeof part, "%s.gamma", name);
    norm->gamma = tern_load_i16(l, part, n, -32767);
    snprintf(part, sizeof part, "%s.beta", name);
    norm->beta = tern_load_i16(l, part, n, -32767);
    snprintf(part, sizeof part, "%s.param", name);
    const struct tern_norm_param *p = tern_load_params(l, part);
    if (!p)
        return;
    norm->eps = (uint64_t)p->eps_high << 32 | p->eps_low;
    norm->unit = load_real(l, part, p->unit);
    norm->affine = p->affine;
    if (norm->eps > 1ull << 62 || !tern_unit_fits(norm->unit) || p->affine < 0 || p->affine > 1)
        tern_load_fail(l, part, "holds a number out of range");
}

/* A layer's vectors of distances: panels of them, or rows. */
static void load_distances(struct tern_loader *l, struct tern_distances *out, const struct tern_part *part,
                           struct tern_shape shape, int heads)
{
    char name[96];
    const int d = shape.k / heads, k4 = tern_k4(d);
    const int64_t panels[4] = {(int64_t)heads * tern_panels(shape.n), k4, TERN_PANEL, TERN_PANEL_K},
                  rows[2] = {tern_round_up(heads * shape.n, 64), (int64_t)k4 * TERN_PANEL_K},
                  count = tern_round_up(2 * heads, TERN_PARAM32);
    const int as_rows = part->index == TERN_POSITION_QUERY;
    snprintf(name, sizeof name, "%s.weight", part->name);
    out->q = tern_load_s8(l, name, as_rows ? 2 : 4, as_rows ? rows : panels);
    snprintf(name, sizeof name, "%s.row", part->name);
    out->row = tern_load_tensor(l, name, TERN_I32, 1, &count);
    for (int i = 0; out->row && i < heads; i++)
        if (out->row[i].amax < 0 || out->row[i].amax > 32767 || out->row[i].norm2 < 0 ||
            out->row[i].norm2 > 127 * 127 * d)
            tern_load_fail(l, name, "holds a number out of range");
    snprintf(name, sizeof name, "%s.score", part->name);
    const struct tern_score_param *score = tern_load_params(l, name);
    if (score)
        out->score = load_real(l, name, score->unit);
}

static void load_poly(struct tern_loader *l, struct tern_poly *poly, const char *name)
{
    const struct tern_poly_param *p = (const void *)tern_load_i16(l, name, 12, -32767);
    if (!p)
        return;
    *poly = (struct tern_poly){.limit = p->limit, .shift = p->shift, .mul = p->mul, .out = p->out};
    memcpy(poly->c, p->c, sizeof poly->c);
    if (p->limit < 0 || p->shift < 0 || p->shift > 14 || p->mul < 0 || p->out < 0 || (p->limit << p->shift) > 32767)
        tern_load_fail(l, name, "holds a number out of range");
}

static void load_elu(struct tern_loader *l, struct tern_layer *layer)
{
    const struct tern_elu_param *p = tern_load_params(l, "elu");
    if (!p)
        return;
    layer->elu_query = (struct tern_elu){load_real(l, "elu", p->query.one), load_real(l, "elu", p->query.octaves)};
    layer->elu_key = (struct tern_elu){load_real(l, "elu", p->key.one), load_real(l, "elu", p->key.octaves)};
}

static void load_embedding_codes(struct tern_loader *l, struct tern_embedding *e, const char *name, const char *code,
                                 int hidden)
{
    char part[96];
    snprintf(part, sizeof part, "%s.param", name);
    const struct tern_linear_param *p = tern_load_params(l, part);
    if (!p)
        return;
    if (p->format != TERN_FORMAT_INT4 && p->format != TERN_FORMAT_TERNARY) {
        tern_load_fail(l, part, "names a format that embeddings cannot have");
        return;
    }
    const enum tern_format format = (enum tern_format)p->format;
    e->steps = (hidden + TERN_LINE - 1) / TERN_LINE;
    e->codes.book = tern_codebook(format);
    e->codes.line =
        load_lines(l, code, format, 1, tern_table_lines(e->codes.book, e->steps, tern_round_up(e->rows, 64)));
}

/* Positions have no codes: the encoder adds their rows as they are. */
static void load_embedding(struct tern_loader *l, struct tern_embedding *e, const char *name, int rows, int hidden,
                           int may_have_codes)
{
    char part[96];
    const int64_t shape[2] = {tern_round_up(rows, 64), hidden};
    e->rows = rows;
    snprintf(part, sizeof part, "%s.code", name);
    if (may_have_codes && tern_safetensors_find(l->st, part)) {
        load_embedding_codes(l, e, name, part, hidden);
    } else {
        snprintf(part, sizeof part, "%s.q", name);
        e->q = tern_load_s8(l, part, 2, shape);
    }
    snprintf(part, sizeof part, "%s.mul", name);
    e->mul = tern_load_i16(l, part, rows, 0);
}

/* The columns that all matrices with the same input repeat. */
static void load_copies(struct tern_loader *l, struct tern_layer *layer, const struct tern_config *c, int i)
{
    for (int m = 0; m < TERN_N_MATRICES && !l->status; m++) {
        char part[96];
        const enum tern_layer_input input = tern_matrix_part((enum tern_matrix)m)->reads;
        const struct tern_linear *const w = layer->matrix[m].inner ? layer->matrix[m].inner : &layer->matrix[m];
        const int k = tern_input_width(c, i, input), count = w->k - k;
        struct tern_outliers *outliers = &layer->outliers[input];
        const char *const name = tern_input_name(input);
        const int first = m == 0 || tern_matrix_part((enum tern_matrix)(m - 1))->reads != input;
        snprintf(part, sizeof part, "%s.copies", name);
        if (!layer->matrix[m].n) /* the layer has no such matrix */
            continue;
        if (!first && count != outliers->copies)
            tern_load_fail(l, part, "is of another length than the matrices say");
        if (!first || !count)
            continue;
        const int64_t shape = tern_round_up(count, TERN_PARAM16);
        const struct tern_copies copies = {tern_load_tensor(l, part, TERN_I16, 1, &shape), count};
        const char *const fault = copies.column ? tern_copies_fault(&copies, k) : NULL;
        if (fault)
            tern_load_fail(l, part, fault);
        if (l->status)
            return;
        outliers->outlier = calloc((size_t)count, sizeof *outliers->outlier);
        if (outliers->outlier)
            tern_outliers_of(outliers, &copies);
        else
            l->status = tern_fail_nomem(l->err, part, (size_t)count * sizeof *outliers->outlier);
    }
}

static void load_layer(struct tern_loader *l, struct tern_layer *layers, const struct tern_config *c, int i)
{
    char prefix[TERN_PREFIX];
    struct tern_layer *layer = &layers[i];
    if (c->layer[i].weights != i) {
        *layer = layers[c->layer[i].weights];
        return;
    }
    l->prefix = prefix;
    for (const struct tern_part *p = tern_parts; p < tern_parts + TERN_N_PARTS; p++) {
        if (p->place != TERN_PLACE_LAYER)
            continue;
        if (!tern_part_owned(c, p, i) || (p->kind == TERN_KIND_NORM && tern_config_is_scaled(c)))
            continue;
        tern_part_prefix(prefix, p, i);
        if (p->kind == TERN_KIND_MATRIX)
            load_matrix(l, layer, c, p, tern_part_shape(c, p, i), tern_matrix_rank(c, (enum tern_matrix)p->index, i));
        else if (p->kind == TERN_KIND_TABLE && p->index == TERN_CONV_DEPTH)
            layer->conv_depth = tern_load_depth(l, p->name, tern_part_shape(c, p, i));
        else if (p->kind == TERN_KIND_TABLE && p->index == TERN_CONV_VALUE)
            tern_load_value_kernels(l, layer, p->name, tern_part_shape(c, p, i));
        else if (p->kind == TERN_KIND_TABLE)
            load_distances(l, &layer->distances[p->index], p, tern_part_shape(c, p, i), c->layer[i].heads);
        else
            load_norm(l, &layer->norm[p->index], p->name, tern_part_shape(c, p, i).n);
    }
    const struct tern_linear *kernel = &layer->matrix[TERN_CONV_KERNEL];
    if (c->layer[i].conv && !l->status && !kernel->weight) /* tern_linear_logits has no kernel for others */
        tern_load_fail(l, "conv_kernel", "is not dense int8");
    load_copies(l, layer, c, i);
    if (!tern_config_is_scaled(c)) /* ReLU */
        load_poly(l, &layer->act, "act");
    if (c->layer[i].attn_gate)
        load_poly(l, &layer->gate, "attn_gate.act");
    const int linear = tern_is_linear(&c->layer[i]);
    const struct tern_score_param *score = c->layer[i].heads && !linear ? tern_load_params(l, "score") : NULL;
    if (score)
        layer->score = load_real(l, "score", score->unit);
    if (c->layer[i].mixer == TERN_MIXER_ELU)
        load_elu(l, layer);
    const struct tern_score_param *global = c->layer[i].global ? tern_load_params(l, "global") : NULL;
    if (global) {
        layer->global_score = load_real(l, "global", global->unit);
        layer->global_unit = global->ratio;
        if (global->ratio < 1 || global->ratio > 32767)
            tern_load_fail(l, "global", "holds a number out of range");
    }
    l->prefix = "";
}

static void load_heads(struct tern_loader *l, struct tern_int8_weights *out, const struct tern_config *c)
{
    const struct tern_part *pooler = &tern_parts[TERN_PART_POOLER], *classifier = &tern_parts[TERN_PART_CLASSIFIER];
    if (tern_part_present(c, pooler)) {
        load_linear(l, &out->pooler, c, pooler, tern_part_shape(c, pooler, -1));
        load_poly(l, &out->pooler_act, "pooler.act");
        if (c->pooler_norm)
            load_norm(l, &out->pooler_norm, "pooler.norm", tern_head_width(c));
    }
    if (tern_part_present(c, classifier))
        load_linear(l, &out->classifier, c, classifier, tern_part_shape(c, classifier, -1));
    if (out->pooler.sparse.first || out->classifier.sparse.first) /* tern_bert_plan has no room for their rows */
        tern_load_fail(l, out->pooler.sparse.first ? "pooler" : "classifier",
                       "is block-sparse; only the layers' matrices may be");
    if (out->classifier.codes.line) /* tern_linear_logits has no kernel for them */
        tern_load_fail(l, "classifier.code", "holds low-bit weights; a classifier's are int8");
}

/* Rows of distances: from one distance to the next the same or the next one. */
static void check_rows(struct tern_loader *l, const char *name, const int16_t *row, int count, int rows)
{
    int fits = row[0] >= 0 && row[count - 1] < rows;
    for (int j = 1; j < count; j++)
        fits &= row[j] == row[j - 1] || row[j] == row[j - 1] + 1;
    if (!fits)
        tern_load_fail(l, name, "has rows of distances that are not there or do not follow one another");
}

/* What a step of distance costs each head. */
static const struct tern_real *load_slopes(struct tern_loader *l, const char *name, int heads)
{
    const int64_t count = tern_round_up(2 * heads, TERN_PARAM32);
    const struct tern_real *slope = tern_load_tensor(l, name, TERN_I32, 1, &count);
    for (int i = 0; slope && i < heads; i++)
        if (!tern_slope_fits(slope[i]))
            tern_load_fail(l, name, "holds a number out of range");
    return slope;
}

/* Angles as cosines and sines, what is added to scores, or rows of distances. */
static void load_tables(struct tern_loader *l, struct tern_int8_weights *out, const struct tern_config *c)
{
    const struct tern_part *part = &tern_parts[TERN_PART_POSITION_TABLE];
    char prefix[TERN_PREFIX], name[96];
    l->prefix = prefix;
    for (int i = 0; i < c->n_tables; i++) {
        const struct tern_shape shape = tern_part_shape(c, part, i);
        const int rotary = c->table[i].kind == TERN_POSITION_ROTARY, count = shape.n * shape.k;
        tern_part_prefix(prefix, part, i);
        snprintf(name, sizeof name, "%s.q", part->name);
        if (c->table[i].kind == TERN_POSITION_ALIBI) {
            out->table[i].slope = load_slopes(l, name, shape.n);
            continue;
        }
        const int16_t *q = tern_load_i16(l, name, count, -32767);
        for (int j = 0; rotary && q && j < count; j++)
            if (q[j] < -16384 || q[j] > 16384)
                tern_load_fail(l, name, "holds a cosine above 1");
        if (q && c->table[i].kind == TERN_POSITION_DISENTANGLED)
            check_rows(l, name, q, count, 2 * c->table[i].span);
        snprintf(name, sizeof name, "%s.param", part->name);
        const struct tern_table_param *p = tern_load_params(l, name);
        if (p && (p->up < 0 || p->up > TERN_BIASED_BITS || (c->table[i].kind != TERN_POSITION_BIAS && p->up)))
            tern_load_fail(l, name, "holds a number out of range");
        out->table[i] = (struct tern_position_table){.q = q, .up = p ? p->up : 0};
    }
    l->prefix = "";
}

static void load_fourier(struct tern_loader *l, struct tern_int8_weights *out, const struct tern_config *c)
{
    const struct tern_part *part = &tern_parts[TERN_PART_FOURIER];
    const int64_t length = TERN_WAVE;
    if (!tern_config_is_fourier(c))
        return;
    load_linear(l, &out->fourier, c, part, tern_part_shape(c, part, -1));
    if (!l->status && !out->fourier.weight) /* tern_bert_plan has no room for others */
        tern_load_fail(l, part->name, "is not dense int8");
    out->fourier_wave = tern_load_s8(l, "fourier.wave", 1, &length);
    const struct tern_score_param *p = tern_load_params(l, "fourier.ratio");
    if (p) {
        out->fourier_ratio = load_real(l, "fourier.ratio", p->unit);
        if (p->unit.exp < 1 || p->unit.exp > TERN_MIX_EXP)
            tern_load_fail(l, "fourier.ratio", "holds a real number out of range");
    }
}

/* What brings the embeddings' norm, or their sum, to the stream. */
static void load_stream(struct tern_loader *l, struct tern_int8_weights *out, const struct tern_config *c)
{
    if (!tern_config_is_pre_norm(c))
        return;
    const struct tern_stream_param *p = tern_load_params(l, "stream");
    out->stream_shift = p ? p->shift : 0;
    /* The factor of token dropout needs room in the stream. */
    const int most = c->token_dropout ? -TERN_DROPOUT_MOST_FACTOR : c->no_embed_norm ? 0 : 15;
    if (out->stream_shift < -15 || out->stream_shift > most)
        tern_load_fail(l, "stream", "holds a number out of range");
}

static void load_dense(struct tern_loader *l, struct tern_int8_weights *out, const struct tern_config *c)
{
    const struct tern_part *part = &tern_parts[TERN_PART_DENSE];
    char prefix[TERN_PREFIX];
    l->prefix = prefix;
    for (int i = 0; i < c->n_dense && !l->status; i++) {
        tern_part_prefix(prefix, part, i);
        load_linear(l, &out->dense[i], c, part, tern_part_shape(c, part, i));
        if (!l->status && !out->dense[i].weight) /* they are run by tern_linear_logits */
            tern_load_fail(l, part->name, "is not dense int8");
    }
    l->prefix = "";
}

static void load_static(struct tern_loader *l, struct tern_int8_weights *out)
{
    const struct tern_static_param *p = tern_load_params(l, "static");
    if (!p)
        return;
    out->fixed = (struct tern_static){load_real(l, "static", p->unit), p->bits};
    if (p->bits < 0 || p->bits > tern_static_bits(p->unit))
        tern_load_fail(l, "static", "holds a number out of range");
}

tern_status tern_int8_load(struct tern_int8_weights *out, const struct tern_config *c,
                           const struct tern_safetensors *st, const char *label, tern_error *err)
{
    *out = (struct tern_int8_weights){0};
    struct tern_loader l = {.st = st, .label = label, .prefix = "", .err = err};
    const int types = c->token_types ? c->token_types : 1, width = tern_embedding_size(c);
    const int words = tern_part_shape(c, &tern_parts[TERN_PART_WORD], -1).k;
    load_embedding(&l, &out->word, "embed.word", c->vocab, words, 1);
    if (tern_config_is_static(c))
        load_static(&l, out);
    else
        load_embedding(&l, &out->position, "embed.position", types * (c->no_positions ? 1 : c->max_positions), width,
                       0);
    out->column = tern_load_i16(&l, "embed.column", words, 0);
    if (c->trigram) {
        const struct tern_part *mix = &tern_parts[TERN_PART_MIX];
        load_linear(&l, &out->mix, c, mix, tern_part_shape(c, mix, -1));
        out->position_exp = out->mix.gamma_exp;
    }
    load_tables(&l, out, c);
    if (!c->no_embed_norm)
        load_norm(&l, &out->embed_norm, "embed_norm", width);
    if (c->embedding)
        load_linear(&l, &out->project, c, &tern_parts[TERN_PART_PROJECT],
                    tern_part_shape(c, &tern_parts[TERN_PART_PROJECT], -1));
    if ((c->embedding || c->trigram) && !l.status &&
        !(c->trigram ? &out->mix : &out->project)->weight) /* tern_bert_plan has no room for others */
        tern_load_fail(&l, c->trigram ? "embed.mix" : "embed.project", "is not dense int8");
    load_fourier(&l, out, c);
    load_stream(&l, out, c);
    if (tern_config_is_pre_norm(c))
        load_norm(&l, &out->final_norm, "final_norm", c->hidden);
    out->layers = calloc((size_t)c->layers + 1, sizeof *out->layers); /* more than none */
    if (!out->layers)
        return tern_fail_nomem(err, "the layer table", (size_t)c->layers * sizeof *out->layers);
    for (int i = 0; i < c->layers && !l.status; i++)
        load_layer(&l, out->layers, c, i);
    load_heads(&l, out, c);
    load_dense(&l, out, c);
    if (l.status)
        tern_int8_close(out, c);
    return l.status;
}

void tern_int8_close(struct tern_int8_weights *w, const struct tern_config *c)
{
    for (int i = 0; w->layers && i < c->layers; i++)
        for (int input = 0; c->layer[i].weights == i && input < TERN_N_INPUTS; input++)
            free(w->layers[i].outliers[input].outlier);
    free(w->layers);
    w->layers = NULL;
}
