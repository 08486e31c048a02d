#include "quant/make_blocks.h"
#include "quant/store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds the tensors that hold the weights. Returns their bytes. */
static double add_weights(struct tern_store *s, const char *name, int n, int k, struct tern_linear_out *out)
{
    const enum tern_format format = out->coding.format;
    const int panels = tern_panels(n), k4 = tern_k4(k);
    if (format == TERN_FORMAT_INT8) {
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

static const struct {
    const char *name;
    enum tern_layer_input input;
} matrices[TERN_N_MATRICES] = {{"query", TERN_INPUT_QKV},     {"key", TERN_INPUT_QKV},
                               {"value", TERN_INPUT_QKV},     {"attn_out", TERN_INPUT_ATTN_OUT},
                               {"ffn_up", TERN_INPUT_FFN_UP}, {"ffn_down", TERN_INPUT_FFN_DOWN}};

static int matrix_index(const char *name)
{
    int i = 0;
    while (strcmp(matrices[i].name, name))
        i++;
    return i;
}

/* Whether a matrix lies on the grid of its format: there every weight is its nearest value, to begin with. */
static int is_trained(const struct tern_store *s, const char *name)
{
    return s->layer >= 0 && s->source->trained && s->source->trained[s->layer * TERN_N_MATRICES + matrix_index(name)];
}

/* How a layer's matrix is quantised. */
static struct tern_coding coding_of(struct tern_store *s, const char *name)
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
static double store_sparse(struct tern_store *s, const char *name, int n, int k, int32_t *param, int64_t *blocks)
{
    const enum tern_format format = (enum tern_format)param[4];
    const int coded = format != TERN_FORMAT_INT8;
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
    param[6] = (int32_t)shape + 1;
    param[7] = lines;
    return bytes + 2.0 * indices + 2.0 * strips + 4.0 * panels;
}

static void report_linear(struct tern_store *s, const char *name, int n, int k, const struct tern_linear_out *out,
                          double bytes, int64_t blocks)
{
    const enum tern_format format = out->coding.format;
    char became[112], how[80] = "per output channel";
    const enum tern_block_shape shape = s->block;
    const double block = tern_block_outputs(shape) * (shape == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K);
    if (blocks >= 0) {
        const int length = snprintf(how, sizeof how, "%.1f %% of %s blocks left",
                                    100 * (double)blocks * block / ((double)n * k), tern_block_shape_name(shape));
        if (s->source->pruned) {
            const struct tern_pruned_matrix *p = &s->source->pruned[s->layer * TERN_N_MATRICES + matrix_index(name)];
            snprintf(how + length, sizeof how - (size_t)length, ", second order, loss %.4f (without %.4f)", p->error,
                     p->masked);
        }
    } else if (is_trained(s, name))
        snprintf(how, sizeof how, "kept as trained");
    else if (tern_format_grouped(format))
        snprintf(how, sizeof how, "per %d inputs", out->coding.group);
    else if (s->layer < 0)
        tern_store_say_instead(s, how, sizeof how, s->coding.format);
    snprintf(became, sizeof became, "%s [%d, %d] %s", tern_format_name(format), n, k, how);
    tern_store_report(s, name, became, bytes * 8 / ((double)n * k), out->error);
}

double tern_store_linear(struct tern_store *s, const char *name, int n, int k, const struct tern_input *in,
                         enum tern_store_kind kind, double unit)
{
    const int padded = tern_panels(n) * TERN_PANEL;
    tern_store_read(s, name, ".weight", s->matrix, (size_t)n * (size_t)k);
    tern_store_read(s, name, ".bias", s->bias, (size_t)n);
    struct tern_linear_out out = {0};
    if (s->layer >= 0) /* the heads' few weights stay int8 */
        out.coding = coding_of(s, name);
    const int sparse = tern_store_blocks(s, name, n, k);
    int64_t blocks = -1; /* that are left */
    if (sparse) {
        out.coding.keep_zeros = 1;
        out.weight = s->dense;
        memset(s->dense, 0, (size_t)padded * (size_t)tern_k4(k) * TERN_PANEL_K);
    }
    double bytes = add_weights(s, name, n, k, &out);
    out.mul = tern_store_add_vector(s, name, ".mul", TERN_I16, padded);
    if (kind == TERN_STORE_REQUANT)
        out.bias16 = tern_store_add_vector(s, name, ".bias", TERN_I16, padded);
    else
        out.bias32 = tern_store_add_vector(s, name, ".bias", TERN_I32, padded);
    int32_t *param = tern_store_add_vector(s, name, ".param", TERN_I32, PARAMS);
    if (s->status)
        return 1;

    const struct tern_float_linear f = {s->matrix, s->bias, n, k};
    if (kind == TERN_STORE_REQUANT)
        tern_quantize_requant(&out, &f, in, unit, s->scratch);
    else if (kind == TERN_STORE_RESIDUAL)
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
        bytes += store_sparse(s, name, n, k, param, &blocks);
    bytes += (double)padded * (2 + (kind == TERN_STORE_REQUANT ? 2 : 4)) + PARAMS * 4;
    report_linear(s, name, n, k, &out, bytes, blocks);
    tern_store_advance(s, (size_t)n * (size_t)k);
    return out.unit;
}
