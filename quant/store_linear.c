/* Stores one matrix of an integer model: quantised, low-bit or block-sparse, with its line of the report. */
#include "models/format.h"
#include "models/scheme.h"
#include "quant/make_blocks.h"
#include "quant/singular.h"
#include "quant/store_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds the tensors that hold the weights. Returns their bytes. */
static double add_weights(struct tern_store *s, const char *name, int n, int k, struct tern_linear_out *out)
{
    const enum tern_format format = out->coding.format;
    const int panels = tern_panels(n), k4 = tern_k4(k);
    if (tern_format_is_bytes(format)) {
        if (out->weight) /* sparse: store_sparse */
            return 0;
        const int64_t shape[4] = {panels, k4, TERN_PANEL, TERN_PANEL_K};
        out->weight = tern_store_add(s, name, ".weight", TERN_I8, 4, shape);
        return (double)panels * k4 * TERN_LINE;
    }
    const int lines = tern_code_lines(tern_format_bits(format), k4);
    const int64_t shape[3] = {panels, lines, TERN_LINE};
    double bytes = 0;
    if (!out->weight) {
        bytes = (double)panels * lines * TERN_LINE;
        out->line = tern_store_add(s, name, ".code", TERN_U8, 3, shape);
    }
    if (tern_format_grouped(format)) {
        const int64_t muls = (int64_t)panels * ((k + out->coding.group - 1) / out->coding.group) * TERN_PANEL;
        const int64_t padded = (muls + 63) / 64 * 64;
        out->group_mul = tern_store_add(s, name, ".group", TERN_U8, 1, &padded);
        bytes += (double)padded;
    }
    return bytes;
}

/* A matrix that is being stored. */
struct matrix {
    const struct tern_part *part;
    const char *name;
    int n, k;
    int index; /* in the source's arrays [layers][TERN_N_MATRICES]; -1: a head's, which has no place there */
    struct tern_copies copies;
    enum tern_end ends;
};

static struct matrix matrix_of(const struct tern_store *s, enum tern_part_id id)
{
    const struct tern_part *part = &tern_parts[id];
    const struct tern_shape shape = tern_part_shape(s->config, part, s->layer);
    struct matrix m = {part, part->name, shape.n, shape.k, -1, {NULL, 0}, tern_part_ends(s->config, part)};
    if (part->place == TERN_PLACE_LAYER) {
        m.index = s->layer * TERN_N_MATRICES + part->index;
        m.copies = tern_store_copies(s, part->reads);
    }
    const int rank = s->pair ? tern_matrix_rank(s->config, (enum tern_matrix)part->index, s->layer) : 0;
    if (s->pair == TERN_PAIR_FIRST) {
        m.name = s->inner_name;
        m.n = rank;
        m.ends = TERN_END_REQUANT;
    } else if (s->pair) {
        m.k = rank;
        m.copies = (struct tern_copies){NULL, 0};
    }
    return m;
}

/* 1 if a matrix was trained on the grid of its format: every weight is its own nearest value then. */
static int is_trained(const struct tern_source *source, int index)
{
    return index >= 0 && source->trained && source->trained[index];
}

tern_status tern_source_coding(struct tern_coding *out, const struct tern_source *source, int layer,
                               enum tern_matrix matrix, tern_error *err)
{
    const struct tern_part *part = tern_matrix_part(matrix);
    const int index = layer * TERN_N_MATRICES + (int)matrix;
    char prefix[TERN_PREFIX];
    *out = (struct tern_coding){.format = source->formats ? source->formats[index]
                                                          : tern_weights_format(source->config->weights),
                                .group = source->group ? source->group : 64,
                                .plain = source->plain};
    if (part->ends == TERN_END_LOGITS || matrix == TERN_ATTN_GATE) /* as a head's does; and a row for each head */
        out->format = TERN_FORMAT_INT8;
    if (part->ends == TERN_END_LOGITS || is_trained(source, index) || !source->second)
        return TERN_OK;
    out->second = source->second(source->calibration, layer, part->reads);
    if (out->second)
        return TERN_OK;
    tern_part_prefix(prefix, part, layer);
    return tern_fail(err, TERN_FORMAT,
                     "%s%s: the calibration's second moments are not finite or not positive; calibrate on more or "
                     "other texts",
                     prefix, part->name);
}

/* The values of a matrix's blocks as codes of 4 bits. Returns their bytes. */
static double store_block_codes(struct tern_store *s, const char *name, const int8_t *value, int lines,
                                enum tern_format format)
{
    const int64_t dims[2] = {lines / 2, TERN_LINE};
    uint8_t *code = tern_store_add(s, name, ".code", TERN_U8, 2, dims);
    if (code)
        tern_sparse_codes(value, lines, tern_code_of_zero(format), code);
    return (double)lines / 2 * TERN_LINE;
}

/* The blocks of the int8 panels in s->dense, or of its codes. Returns their bytes. */
static double store_sparse(struct tern_store *s, const char *name, int n, int k, struct tern_linear_param *param,
                           int64_t *blocks)
{
    const enum tern_format format = (enum tern_format)param->format;
    const int coded = !tern_format_is_bytes(format);
    const enum tern_block_shape shape = s->block;
    const int panels = tern_panels(n), k4 = tern_k4(k), strips = panels * tern_block_strips(shape);
    uint16_t *count = tern_store_add_vector(s, name, ".count", TERN_I16, strips);
    int32_t *first = tern_store_add_vector(s, name, ".first", TERN_I32, panels + 1);
    if (s->status)
        return 0;
    *blocks = tern_sparse_survey(s->dense, panels, k4, shape, count, first);
    if (coded)
        tern_sparse_pair(first, panels);
    const int lines = first[panels] ? first[panels] : 1 + coded, indices = lines * tern_line_indices(shape);
    const int64_t dims[2] = {lines, TERN_LINE};
    int8_t *value = coded ? calloc((size_t)lines, TERN_LINE) : tern_store_add(s, name, ".value", TERN_I8, 2, dims);
    uint16_t *index = tern_store_add_vector(s, name, ".index", TERN_I16, indices);
    double bytes = (double)lines * TERN_LINE;
    if (!s->status && !value)
        s->status = tern_fail_nomem(s->err, name, (size_t)lines * TERN_LINE);
    if (!s->status) {
        const struct tern_sparse w = {value, index, count, first, shape};
        tern_sparse_fill(s->dense, panels, k4, &w, value, index);
        if (coded)
            bytes = store_block_codes(s, name, value, lines, format);
    }
    if (coded)
        free(value);
    param->blocks = (int32_t)shape + 1;
    param->lines = lines;
    return bytes + 2.0 * indices + 2.0 * strips + 4.0 * panels;
}

static void report_linear(struct tern_store *s, const struct matrix *m, const struct tern_linear_out *out, double bytes,
                          int64_t blocks)
{
    const enum tern_format format = out->coding.format;
    const int n = m->n, k = m->k;
    char became[112], how[80] = "per output channel";
    const enum tern_block_shape shape = s->block;
    const double block = tern_block_outputs(shape) * (shape == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K);
    if (blocks >= 0) {
        const int length = snprintf(how, sizeof how, "%.1f %% of %s blocks left",
                                    100 * (double)blocks * block / ((double)n * k), tern_block_shape_name(shape));
        if (s->source->pruned) {
            const struct tern_pruned_matrix *p = &s->source->pruned[m->index];
            snprintf(how + length, sizeof how - (size_t)length, ", second order, loss %.4f (without %.4f)", p->error,
                     p->masked);
        }
    } else if (is_trained(s->source, m->index) || (m->index >= 0 && s->source->on_grid))
        snprintf(how, sizeof how, "kept as trained");
    else if (tern_format_grouped(format))
        snprintf(how, sizeof how, "per %d inputs", out->coding.group);
    else if (s->layer < 0)
        tern_store_say_instead(s, how, sizeof how, tern_weights_format(s->config->weights));
    snprintf(became, sizeof became, "%s [%d, %d] %s", tern_format_name(format), n, k, how);
    tern_store_report(s, m->name, became, bytes * 8 / ((double)n * k), out->error);
}

static void quantize(struct tern_store *s, const struct matrix *m, struct tern_linear_out *out,
                     const struct tern_input *in, double unit)
{
    const struct tern_float_linear f = {s->matrix, s->bias, m->n, m->k, m->copies};
    out->bound = s->bound;
    s->bound = NULL;
    if (m->ends == TERN_END_SCALED)
        tern_quantize_scaled(out, &f, in, s->scratch);
    else if (m->ends == TERN_END_REQUANT)
        tern_quantize_requant(out, &f, in, unit, s->scratch);
    else if (m->ends == TERN_END_RESIDUAL && tern_config_is_pre_norm(s->config))
        tern_quantize_stream(out, &f, in, unit, &s->stream_bound, s->scratch);
    else if (m->ends == TERN_END_RESIDUAL)
        tern_quantize_residual(out, &f, in, unit, s->scratch);
    else
        tern_quantize_logits(
            out, &f, in, m->part == &tern_parts[TERN_PART_CLASSIFIER] ? tern_logit_bits(s->config) : TERN_LOGIT_BITS,
            s->scratch);
}

/* What the loader would refuse, and biases that would be cut off: 2^29 units of 32 bits. */
static void check_stored(struct tern_store *s, enum tern_part_id part, const struct tern_linear_out *out)
{
    if (out->up < 0)
        tern_store_refuse(s, part, 0, "what it adds can be too large beside the rest of the sum");
    if (!tern_real_fits(out->kappa))
        tern_store_refuse(s, part, 0, "its products are %g units of its sums", ldexp(1, 31 - out->kappa.exp));
    if (s->source->on_grid && tern_parts[part].place == TERN_PLACE_LAYER && !out->kept)
        tern_store_off_grid(s, part, out->coding.format);
    for (int i = 0; out->bias32 && i < tern_part_shape(s->config, &tern_parts[part], s->layer).n; i++)
        if (abs(out->bias32[i]) == TERN_MOST_BIAS32)
            tern_store_refuse(s, part, 1, "with the LayerNorm before it, element %d is over %g", i,
                              TERN_MOST_BIAS32 * out->unit);
}

static void store_left(struct tern_store *s, const char *name, const struct tern_linear_out *out, int padded)
{
    int32_t *const left = out->lefts ? tern_store_add_vector(s, name, ".left", TERN_I32, padded) : NULL;
    if (left)
        memcpy(left, out->left, (size_t)padded * sizeof *left);
}

/* The bound of what the first of two matrices gives: of the rows it reads, times its largest singular value. */
static double norm_of_first(struct tern_store *s, enum tern_part_id part, const struct tern_input *in, int rank)
{
    const int k = tern_part_shape(s->config, &tern_parts[part], s->layer).k;
    double bias2 = 0;
    tern_store_read(s, part, 0, s->matrix, (size_t)rank * (size_t)k);
    tern_store_read(s, part, 1, s->bias, (size_t)rank);
    if (s->status)
        return 1;
    for (int i = 0; i < rank; i++)
        bias2 += (double)s->bias[i] * (double)s->bias[i];
    const double norm = in->gamma ? tern_store_output_norm(s) : in->norm;
    return TERN_SLACK * norm * tern_singular_bound(s->matrix, rank, k, &s->status, s->err) + sqrt(bias2);
}

/* Both matrices that stand for one. The middle is 16 bits in a unit of its own, then int8 by row, as any input. */
static double store_pair(struct tern_store *s, enum tern_part_id part, const struct tern_input *in, double unit,
                         int rank)
{
    float *const bound = s->bound;
    s->bound = NULL;
    tern_inner_name(s->inner_name, &tern_parts[part]);
    s->pair = TERN_PAIR_FIRST;
    /* Singular values are those of the floats, and of int8. */
    const double norm = tern_weights_are_low_bit(s->config->weights) ? HUGE_VAL : norm_of_first(s, part, in, rank),
                 middle = tern_store_linear(s, part, in, 0);
    const struct tern_input between = {.unit = middle, .norm = fmin(norm, middle * 16384 * sqrt(rank))};
    s->bound = bound;
    s->pair = TERN_PAIR_SECOND;
    const double out = tern_store_linear(s, part, &between, unit);
    s->pair = TERN_PAIR_NONE;
    return out;
}

/* The matrix and its bias times what comes behind them. */
static void scale_rows(struct tern_store *s, int n, int k)
{
    for (int i = 0; s->row_gamma && i < n; i++) {
        for (int j = 0; j < k; j++)
            s->matrix[(ptrdiff_t)i * k + j] *= s->row_gamma[i];
        s->bias[i] = s->bias[i] * s->row_gamma[i] + s->row_beta[i];
    }
    s->row_gamma = s->row_beta = NULL;
}

/* Columns that read rows of another unit than the first ones. */
static void scale_tail(struct tern_store *s, int n, int k)
{
    for (int i = 0; s->tail_from && i < n; i++)
        for (int j = s->tail_from; j < k; j++)
            s->matrix[(ptrdiff_t)i * k + j] = (float)((double)s->matrix[(ptrdiff_t)i * k + j] * s->tail_scale);
    s->tail_from = 0;
}

double tern_store_linear(struct tern_store *s, enum tern_part_id part, const struct tern_input *in, double unit)
{
    const struct tern_part *const layered = &tern_parts[part];
    const int rank = layered->place == TERN_PLACE_LAYER && !s->pair
                         ? tern_matrix_rank(s->config, (enum tern_matrix)layered->index, s->layer)
                         : 0;
    if (rank)
        return store_pair(s, part, in, unit, rank);
    const struct matrix m = matrix_of(s, part);
    const int n = m.n, k = m.k, stored = k + m.copies.count, padded = tern_panels(n) * TERN_PANEL,
              narrow = m.ends == TERN_END_REQUANT, may_shift = narrow || m.ends == TERN_END_RESIDUAL;
    tern_store_read(s, part, 0, s->matrix, (size_t)n * (size_t)k);
    tern_store_read(s, part, 1, s->bias, (size_t)n);
    scale_rows(s, n, k);
    scale_tail(s, n, k);
    struct tern_linear_out out = {0};
    if (m.index >= 0 && !s->status) /* the heads' few weights stay int8 */
        s->status = tern_source_coding(&out.coding, s->source, s->layer, (enum tern_matrix)m.part->index, s->err);
    const int sparse = m.index >= 0 && m.ends != TERN_END_LOGITS && tern_store_blocks(s, m.name, n, k);
    int64_t blocks = -1; /* that are left */
    if (sparse) {
        out.coding.keep_zeros = 1;
        out.weight = s->dense;
        memset(s->dense, 0, (size_t)padded * (size_t)tern_k4(stored) * TERN_PANEL_K);
    }
    double bytes = add_weights(s, m.name, n, stored, &out);
    int32_t *const left = !may_shift || s->status ? NULL : calloc((size_t)padded, sizeof *left);
    if (!left && may_shift && !s->status)
        s->status = tern_fail_nomem(s->err, m.name, (size_t)padded * sizeof *left);
    out.left = left;
    out.mul = tern_store_add_vector(s, m.name, ".mul", TERN_I16, padded);
    if (narrow)
        out.bias16 = tern_store_add_vector(s, m.name, ".bias", TERN_I16, padded);
    else
        out.bias32 = tern_store_add_vector(s, m.name, ".bias", TERN_I32, padded);
    struct tern_linear_param *param = tern_store_add_vector(s, m.name, ".param", TERN_I32, TERN_PARAM32);
    if (s->status) {
        free(left);
        return 1;
    }

    quantize(s, &m, &out, in, unit);
    check_stored(s, part, &out);
    store_left(s, m.name, &out, padded);
    free(left);
    *param = (struct tern_linear_param){.wnorm2 = out.wnorm2, .kappa = out.kappa, .up = out.up};
    param->format = (int32_t)out.coding.format;
    param->copies = m.copies.count;
    param->left = out.lefts;
    param->bias_exp = out.bias_exp;
    s->param = param;
    param->group = tern_format_grouped(out.coding.format) ? out.coding.group : 0;
    if (sparse)
        bytes += store_sparse(s, m.name, n, stored, param, &blocks);
    bytes += (double)padded * (2 + (narrow ? 2 : 4)) + sizeof *param;
    report_linear(s, &m, &out, bytes, blocks);
    tern_store_advance(s, (size_t)n * (size_t)k);
    return out.unit;
}
