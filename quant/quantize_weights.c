/* Quantises linear layers, LayerNorms and embedding rows, and derives their units as models/scheme.h says. */
#include "quant/quantize_weights.h"

#include "models/format.h"
#include "models/scheme.h"

#include <math.h>
#include <string.h>

struct tern_real tern_real_of(double x)
{
    struct tern_real r = {0, 0};
    if (!(x > 0))
        return r;
    int exponent;
    double mantissa = frexp(x, &exponent); /* [0.5, 1) */
    int64_t mul = llrint(ldexp(mantissa, 31));
    if (mul == 1LL << 31) {
        mul >>= 1;
        exponent++;
    }
    if (31 - exponent > TERN_REAL_MOST_EXP) /* times any integer it is 0 */
        return r;
    r.mul = (int32_t)mul;
    r.exp = 31 - exponent;
    return r;
}

double tern_quantize_row(int8_t *q, const float *w, int n)
{
    float amax = 0;
    for (int j = 0; j < n; j++)
        amax = fmaxf(amax, fabsf(w[j]));
    for (int j = 0; j < n; j++)
        q[j] = (int8_t)(amax > 0 ? lrintf(w[j] / amax * 127) : 0);
    return (double)amax / 127;
}

static int inputs(const struct tern_float_linear *f)
{
    return f->k + f->copies.count;
}

/* Row j of the weights with gamma folded in, then its copies; returns the bias with beta folded in. */
static double folded_row(float *row, const struct tern_float_linear *f, const struct tern_input *in, int j)
{
    const float *w = f->w + (ptrdiff_t)j * f->k;
    double bias = f->b ? (double)f->b[j] : 0;
    for (int l = 0; l < f->k; l++) {
        row[l] = in->gamma ? w[l] * in->gamma[l] : w[l];
        if (in->beta)
            bias += (double)w[l] * (double)in->beta[l];
    }
    for (int i = 0; i < f->copies.count; i++)
        row[f->k + i] = row[f->copies.column[i]];
    return bias;
}

/* Figures over all rows, which must be known before any row is stored. */
struct survey {
    double scale;    /* largest channel scale, over 2^left */
    double norm;     /* largest row norm */
    double int_norm; /* largest norm of a channel's int8 weights; not of the channel with the largest scale */
    double bias;     /* largest |bias| */
};

/* scratch: the scales of the channels, then rows, then codes. */
struct scratch {
    double *scale;  /* [n] over 2^left */
    int32_t *norm2; /* [n] sums of squares of int8 weights */
    float *rows;    /* [16][k], and two more */
    uint8_t *codes; /* [16][k] */
};

size_t tern_quantize_scratch(int n, int k)
{
    return 3 * (size_t)n + (TERN_PANEL + 2) * (size_t)k + (TERN_PANEL * (size_t)k + 3) / 4;
}

static struct scratch scratch_of(float *floats, int n, int k)
{
    float *rows = floats + 3 * (ptrdiff_t)n;
    const struct scratch s = {(double *)(void *)floats, (int32_t *)(void *)(floats + 2 * (ptrdiff_t)n), rows,
                              (uint8_t *)(rows + (TERN_PANEL + 2) * (ptrdiff_t)k)};
    return s;
}

/* Int8: the scales, and bounds for what rounding will give. */
static struct survey survey_by_bounds(const struct tern_float_linear *f, const struct tern_input *in,
                                      const struct scratch *t)
{
    struct survey s = {0, 0, 0, 0};
    const int k = inputs(f);
    float *row = t->rows;
    for (int j = 0; j < f->n; j++) {
        double bias = folded_row(row, f, in, j), amax = 0, sum2 = 0, all2 = 0;
        for (int l = 0; l < k; l++) {
            amax = fmax(amax, fabs((double)row[l]));
            sum2 += l < f->k ? (double)row[l] * (double)row[l] : 0;
            all2 += (double)row[l] * (double)row[l];
        }
        t->scale[j] = amax / 127;
        s.scale = fmax(s.scale, amax / 127);
        s.norm = fmax(s.norm, sqrt(sum2));
        /* Rounding adds at most 1/2 to each of k weights, and at most 1 where a column stands repeatedly: at no more
           places than twice its copies. */
        s.int_norm = fmax(s.int_norm, amax > 0 ? sqrt(all2) / amax * 127 + sqrt(k + 6 * f->copies.count) / 2 : 0);
        s.bias = fmax(s.bias, fabs(bias));
    }
    return s;
}

/* Puts the codes of one channel into its panel, and takes note of it. */
static void store_codes(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                        struct survey *s, const struct scratch *t, int j, double *wrong, double *all)
{
    const struct tern_codebook *book = tern_codebook(out->coding.format);
    const int k = inputs(f), k4 = tern_k4(k), channel = j % TERN_PANEL, panel = j / TERN_PANEL;
    const int group = tern_format_grouped(out->coding.format) ? out->coding.group : 0;
    const int groups = group ? (k + group - 1) / group : 0;
    float *row = t->rows + (ptrdiff_t)TERN_PANEL * k, *mean = row + k; /* codes' values, those of copies joined */
    uint8_t *line =
        out->line ? out->line + (ptrdiff_t)panel * tern_code_lines(tern_format_bits(out->coding.format), k4) * TERN_LINE
                  : NULL;
    int8_t *apart = out->line ? NULL : out->weight + ((ptrdiff_t)panel * k4 * TERN_PANEL + channel) * TERN_PANEL_K;
    const int zero = tern_code_of_zero(out->coding.format);
    const uint8_t *mul = group ? out->group_mul + (ptrdiff_t)panel * groups * TERN_PANEL : NULL;
    const double bias = folded_row(row, f, in, j), scale = t->scale[j];
    int32_t norm2 = 0;
    double own2 = 0;
    for (int l = 0; l < k; l++) {
        const int code = t->codes[(ptrdiff_t)channel * k + l];
        const int q = tern_coded_value(&out->coding, code, mul, channel, l);
        if (line)
            tern_code_put(line, book->bits, l / TERN_PANEL_K, channel, l % TERN_PANEL_K, code);
        else
            apart[(ptrdiff_t)(l / TERN_PANEL_K) * TERN_LINE + l % TERN_PANEL_K] = (int8_t)(code ^ zero);
        norm2 += q * q;
        if (l < f->k)
            mean[l] = (float)q;
        else
            mean[f->copies.column[l - f->k]] += (float)q;
    }
    tern_sums_to_means(mean, &f->copies);
    for (int l = 0; l < f->k; l++) {
        const double wrong_by = (double)row[l] - (double)mean[l] * scale;
        out->kept &= fabs(wrong_by) <= 0x1p-14 * scale;
        own2 += (double)mean[l] * (double)mean[l];
        *wrong += wrong_by * wrong_by;
        *all += (double)row[l] * (double)row[l];
    }
    out->wnorm2 = norm2 > out->wnorm2 ? norm2 : out->wnorm2;
    t->norm2[j] = norm2;
    if (out->bound)
        out->bound[j] = (float)(TERN_SLACK * scale * sqrt(own2) * in->norm + fabs(bias));
    s->scale = fmax(s->scale, scale);
    s->norm = fmax(s->norm, scale * sqrt(own2));
    s->int_norm = fmax(s->int_norm, sqrt(norm2));
    s->bias = fmax(s->bias, fabs(bias));
}

/* Stores the codes; scales and norms are then known exactly. */
static struct survey code(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          const struct scratch *t)
{
    struct survey s = {0, 0, 0, 0};
    const int k = inputs(f);
    const int group = tern_format_grouped(out->coding.format) ? out->coding.group : 0;
    const int groups = group ? (k + group - 1) / group : 0;
    struct tern_coding coding = out->coding;
    coding.copies = &f->copies;
    double wrong = 0, all = 0;
    if (group) /* what pads N has multipliers too */
        memset(out->group_mul, 1, (size_t)tern_panels(f->n) * (size_t)groups * TERN_PANEL);
    for (int first = 0; first < f->n; first += TERN_PANEL) {
        const int count = f->n - first < TERN_PANEL ? f->n - first : TERN_PANEL;
        for (int j = 0; j < count; j++)
            folded_row(t->rows + (ptrdiff_t)j * k, f, in, first + j);
        tern_quantize_panel(&coding, t->rows, count, f->k, t->codes,
                            group ? out->group_mul + (ptrdiff_t)first * groups : NULL, t->scale + first,
                            t->rows + (ptrdiff_t)TERN_PANEL * k);
        for (int j = first; j < first + count; j++)
            store_codes(out, f, in, &s, t, j, &wrong, &all);
    }
    out->error = all > 0 ? wrong / all : 0;
    return s;
}

/* Bits by which a channel's sums may be shifted to the left and still be within the bound of the longest channel's. */
static int room(int32_t norm2, int32_t most)
{
    int left = 0;
    while (left < TERN_MOST_LEFT && norm2 > 0 && (int64_t)norm2 << 2 * (left + 1) <= most)
        left++;
    return left;
}

/* Bits by which all sums may be shifted to the left before the bound by their shift (shifted_bound) takes more of an
   output's unit than that of a row that is one number (tern_quantize_requant): codes of -1 to 1 give sums so small that
   the latter would cost as many bits. */
static int spare(double int_norm)
{
    int bits = 0;
    while (int_norm > 0 && ldexp(int_norm, bits + 1) <= 32768.0 / 127 / 2)
        bits++;
    return bits;
}

/* Shifts the channels' sums where that lowers the largest scale to `worth` of it or less: it is what all units and
   factors go by. */
static void shift_channels(struct tern_linear_out *out, int n, struct survey *s, const struct scratch *t)
{
    static const double worth = 0.5;
    const int more = spare(s->int_norm);
    const int32_t most = out->wnorm2 << 2 * more;
    double largest = 0;
    out->lefts = 0;
    for (int j = 0; j < n; j++)
        largest = fmax(largest, ldexp(t->scale[j], -room(t->norm2[j], most)));
    if (!out->left || largest > worth * s->scale)
        return;
    out->lefts = 1;
    out->wnorm2 = most;
    s->int_norm = ldexp(s->int_norm, more);
    s->scale = largest;
    for (int j = 0; j < n; j++) {
        out->left[j] = room(t->norm2[j], most);
        t->scale[j] = ldexp(t->scale[j], -out->left[j]);
    }
}

/* Stores the weights, and takes note of what they need. The exact figures are there for all, but int8 weights to their
   nearest values keep the units by bounds, and so the bits, that they always had (tests/golden/digests.h). */
static struct survey begin(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                           const struct scratch *t)
{
    out->wnorm2 = 0;
    out->kept = 1;
    struct survey s = code(out, f, in, t);
    if (out->coding.format == TERN_FORMAT_INT8 && !out->coding.second)
        s = survey_by_bounds(f, in, t);
    shift_channels(out, f->n, &s, t);
    return s;
}

/* Stores what is left: multipliers, and biases in units of 1 / bias_scale. */
static void store(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                  const struct survey *s, double bias_scale, const struct scratch *t)
{
    for (int j = 0; j < f->n; j++) {
        double bias = folded_row(t->rows, f, in, j) * bias_scale;
        out->mul[j] = (int16_t)(s->scale > 0 ? lrint(t->scale[j] / s->scale * TERN_MUL_ONE) : 0);
        if (out->bias16)
            out->bias16[j] = (int16_t)lrint(fmax(-32767, fmin(32767, bias)));
        else
            out->bias32[j] = (int32_t)lrint(fmax(-TERN_MOST_BIAS32, fmin(TERN_MOST_BIAS32, bias)));
    }
}

/* Real value of one accumulator step times 127, for the channel with the largest scale. */
static double step(const struct survey *s, const struct tern_input *in)
{
    return s->scale * in->unit / 127 * 32768 / TERN_MUL_ONE;
}

/* The real value that an accumulator at the edge of the safe shift's int16 stands for, were it the channel's with the
   largest scale: the shift follows the largest int8 norm and may land a factor of two above it (linear.c). It bounds
   every output, is above norm * |x| by what channels differ in shape, and no multiplier may reach 1 below it. */
static double shifted_bound(const struct survey *s, const struct tern_input *in)
{
    return 2 * s->scale * s->int_norm * in->norm;
}

void tern_quantize_requant(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                           double least, float *scratch)
{
    const struct scratch t = scratch_of(scratch, f->n, inputs(f));
    const struct survey s = begin(out, f, in, &t);
    double range = fmax(shifted_bound(&s, in) / 32768, (in->norm * s.norm + s.bias) / TERN_OUT_RANGE);
    /* Small weights, ternary and binary ones above all, give sums far below int16: even those of a row that is one
       number may not need a multiplier of 1. Int8 weights are above it by what the line before says. */
    range = fmax(range, s.scale * in->norm / 127);
    out->unit = fmax(range * TERN_SLACK, least);
    if (!(out->unit > 0)) /* all weights and biases are 0 */
        out->unit = 1;
    out->kappa = tern_real_of(step(&s, in) / out->unit);
    store(out, f, in, &s, 1 / out->unit, &t);
}

/* Whether sums in that unit fit. 2^30 is the product's room and 2^29 the bias's. A factor takes 15 bits and no left
   shift (tern_residual_scale): sums that were shifted are within the first bound, those that were not are amax <= 16384
   (context rows and activations have that range, products say theirs: quant/store_int8.c) times `step`, as of a row
   that is one number, to which small weights, ternary and binary ones above all, give small sums. */
static int holds(const struct survey *s, const struct tern_input *in, double unit)
{
    const double most = in->most > 0 ? in->most / 16384 : 1;
    return TERN_SLACK * shifted_bound(s, in) <= ldexp(unit, 30) && s->bias <= ldexp(unit, 29) &&
           step(s, in) * most <= 2 * unit;
}

/* Fraction bits of a sum below y's unit, as many as fit; -1: it does not fit in y's unit. */
static int most_up(const struct survey *s, const struct tern_input *in, double unit_y)
{
    int up = TERN_UP_MAX;
    while (up >= 0 && !holds(s, in, ldexp(unit_y, -up)))
        up--;
    return up;
}

void tern_quantize_residual(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                            double unit_y, float *scratch)
{
    const struct scratch t = scratch_of(scratch, f->n, inputs(f));
    const struct survey s = begin(out, f, in, &t);
    /* The looser bound first: it settles the bits of most models (tests/golden/digests.h). */
    struct tern_input bounded = *in;
    int up = most_up(&s, &bounded, unit_y);
    if (up < 0 && in->tight > 0) {
        bounded.norm = in->tight;
        up = most_up(&s, &bounded, unit_y);
    }
    out->up = up;
    out->unit = ldexp(unit_y, -up);
    out->kappa = tern_real_of(step(&s, in) / out->unit);
    store(out, f, in, &s, 1 / out->unit, &t);
}

void tern_quantize_stream(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          double unit, double *bound, float *scratch)
{
    const struct scratch t = scratch_of(scratch, f->n, inputs(f));
    const struct survey s = begin(out, f, in, &t);
    *bound += TERN_SLACK * in->norm * s.norm + s.bias;
    int down = 0;
    while (down <= TERN_MOST_DOWN && (!holds(&s, in, ldexp(unit, down)) || *bound > ldexp(unit, 30 + down)))
        down++;
    out->up = down <= TERN_MOST_DOWN ? down : -1;
    out->unit = ldexp(unit, down);
    out->kappa = tern_real_of(step(&s, in) / out->unit);
    store(out, f, in, &s, 1 / out->unit, &t);
}

void tern_quantize_scaled(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          float *scratch)
{
    const struct scratch t = scratch_of(scratch, f->n, inputs(f));
    const struct survey s = begin(out, f, in, &t);
    int bits;
    frexp(s.bias, &bits); /* s.bias < 2^bits */
    out->bias_exp = s.bias > 0 ? bits - 29 : -TERN_MOST_EXP;
    out->unit = ldexp(1, out->bias_exp);
    out->kappa = tern_real_of(step(&s, in));
    store(out, f, in, &s, ldexp(1, -out->bias_exp), &t);
}

void tern_quantize_logits(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          int bits, float *scratch)
{
    const struct scratch t = scratch_of(scratch, f->n, inputs(f));
    const struct survey s = begin(out, f, in, &t);
    out->unit = ldexp(1, -bits);
    out->kappa = tern_real_of(step(&s, in)); /* to real values; the run applies the bits */
    store(out, f, in, &s, ldexp(1, bits), &t);
}

double tern_quantize_norm(int16_t *gamma16, int16_t *beta16, const float *gamma, const float *beta, int n, double least)
{
    double root = sqrt(n), range = 0;
    for (int j = 0; j < n; j++)
        range = fmax(range, fabs((double)gamma[j]) * root + fabs((double)beta[j]));
    const double unit = fmax(range > 0 ? range / 32767 : 1, least);
    for (int j = 0; j < n; j++) {
        gamma16[j] = (int16_t)lrint((double)gamma[j] * root / unit);
        beta16[j] = (int16_t)lrint((double)beta[j] / unit);
    }
    return unit;
}

uint64_t tern_norm_eps(double eps, double unit, int n)
{
    double units = eps * n / (unit * unit);
    return units >= 0x1p62 ? 1ull << 62 : (uint64_t)units;
}
