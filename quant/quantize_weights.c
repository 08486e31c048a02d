/* Quantises linear layers, LayerNorms and embedding rows, and derives their units as models/scheme.h says. */
#include "quant/quantize_weights.h"

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

/* Row j of the weights with gamma folded in; returns the bias with beta folded in. */
static double folded_row(float *row, const struct tern_float_linear *f, const struct tern_input *in, int j)
{
    const float *w = f->w + (ptrdiff_t)j * f->k;
    double bias = f->b ? (double)f->b[j] : 0;
    for (int l = 0; l < f->k; l++) {
        row[l] = in->gamma ? w[l] * in->gamma[l] : w[l];
        if (in->beta)
            bias += (double)w[l] * (double)in->beta[l];
    }
    return bias;
}

/* Figures over all rows, which must be known before any row is stored. */
struct survey {
    double scale;    /* largest channel scale */
    double norm;     /* largest row norm */
    double int_norm; /* largest norm of a channel's int8 weights; not of the channel with the largest scale */
    double bias;     /* largest |bias| */
};

/* scratch: the scales of the channels, then rows, then codes. */
struct scratch {
    double *scale;  /* [n] */
    float *rows;    /* [16][k], and one more */
    uint8_t *codes; /* [16][k] */
};

size_t tern_quantize_scratch(int n, int k)
{
    return 2 * (size_t)n + (TERN_PANEL + 1) * (size_t)k + (TERN_PANEL * (size_t)k + 3) / 4;
}

static struct scratch scratch_of(float *floats, int n, int k)
{
    float *rows = floats + 2 * (ptrdiff_t)n;
    const struct scratch s = {(double *)(void *)floats, rows, (uint8_t *)(rows + (TERN_PANEL + 1) * (ptrdiff_t)k)};
    return s;
}

/* Int8: the scales, and bounds for what rounding will give. */
static struct survey look(const struct tern_float_linear *f, const struct tern_input *in, const struct scratch *t)
{
    struct survey s = {0, 0, 0, 0};
    float *row = t->rows;
    for (int j = 0; j < f->n; j++) {
        double bias = folded_row(row, f, in, j), amax = 0, sum2 = 0;
        for (int l = 0; l < f->k; l++) {
            amax = fmax(amax, fabs((double)row[l]));
            sum2 += (double)row[l] * (double)row[l];
        }
        t->scale[j] = amax / 127;
        s.scale = fmax(s.scale, amax / 127);
        s.norm = fmax(s.norm, sqrt(sum2));
        /* Rounding adds at most 1/2 to each of k weights. */
        s.int_norm = fmax(s.int_norm, amax > 0 ? sqrt(sum2) / amax * 127 + sqrt(f->k) / 2 : 0);
        s.bias = fmax(s.bias, fabs(bias));
    }
    return s;
}

/* Low-bit: puts the codes of one channel into its panel, and takes note of it. */
static void store_codes(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                        struct survey *s, const struct scratch *t, int j, double *wrong, double *all)
{
    const struct tern_codebook *book = tern_codebook(out->coding.format);
    const int k4 = tern_k4(f->k), channel = j % TERN_PANEL, panel = j / TERN_PANEL;
    const int group = tern_format_grouped(out->coding.format) ? out->coding.group : 0;
    const int groups = group ? (f->k + group - 1) / group : 0;
    uint8_t *line = out->line ? out->line + (ptrdiff_t)panel * tern_code_lines(book->bits, k4) * TERN_LINE : NULL;
    int8_t *apart = out->line ? NULL : out->weight + ((ptrdiff_t)panel * k4 * TERN_PANEL + channel) * TERN_PANEL_K;
    const int zero = tern_code_of_zero(out->coding.format);
    const uint8_t *mul = group ? out->group_mul + (ptrdiff_t)panel * groups * TERN_PANEL + channel : NULL;
    float *row = t->rows + (ptrdiff_t)TERN_PANEL * f->k;
    const double bias = folded_row(row, f, in, j), scale = t->scale[j];
    int32_t norm2 = 0;
    for (int l = 0; l < f->k; l++) {
        const int code = t->codes[(ptrdiff_t)channel * f->k + l];
        const int q = book->value[code] * (group ? mul[l / group * TERN_PANEL] : 1);
        if (line)
            tern_code_put(line, book->bits, l / TERN_PANEL_K, channel, l % TERN_PANEL_K, code);
        else
            apart[(ptrdiff_t)(l / TERN_PANEL_K) * TERN_LINE + l % TERN_PANEL_K] = (int8_t)(code ^ zero);
        norm2 += q * q;
        *wrong += ((double)row[l] - q * scale) * ((double)row[l] - q * scale);
        *all += (double)row[l] * (double)row[l];
    }
    out->wnorm2 = norm2 > out->wnorm2 ? norm2 : out->wnorm2;
    s->scale = fmax(s->scale, scale);
    s->norm = fmax(s->norm, scale * sqrt(norm2));
    s->int_norm = fmax(s->int_norm, sqrt(norm2));
    s->bias = fmax(s->bias, fabs(bias));
}

/* Low-bit: stores the codes; scales and norms are then known exactly. */
static struct survey code(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          const struct scratch *t)
{
    struct survey s = {0, 0, 0, 0};
    const int group = tern_format_grouped(out->coding.format) ? out->coding.group : 0;
    const int groups = group ? (f->k + group - 1) / group : 0;
    double wrong = 0, all = 0;
    if (group) /* what pads N has multipliers too */
        memset(out->group_mul, 1, (size_t)tern_panels(f->n) * (size_t)groups * TERN_PANEL);
    for (int first = 0; first < f->n; first += TERN_PANEL) {
        const int count = f->n - first < TERN_PANEL ? f->n - first : TERN_PANEL;
        for (int j = 0; j < count; j++)
            folded_row(t->rows + (ptrdiff_t)j * f->k, f, in, first + j);
        tern_quantize_panel(&out->coding, t->rows, count, f->k, t->codes,
                            group ? out->group_mul + (ptrdiff_t)first * groups : NULL, t->scale + first,
                            t->rows + (ptrdiff_t)TERN_PANEL * f->k);
        for (int j = first; j < first + count; j++)
            store_codes(out, f, in, &s, t, j, &wrong, &all);
    }
    out->error = all > 0 ? wrong / all : 0;
    return s;
}

static struct survey begin(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                           const struct scratch *t)
{
    out->wnorm2 = 0;
    return out->coding.format == TERN_FORMAT_INT8 ? look(f, in, t) : code(out, f, in, t);
}

/* Int8: stores the weights of all channels. */
static void store_weights(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          float *row)
{
    int k4 = tern_k4(f->k);
    double wrong = 0, all = 0;
    for (int j = 0; j < f->n; j++) {
        folded_row(row, f, in, j);
        float amax = 0;
        for (int l = 0; l < f->k; l++)
            amax = fmaxf(amax, fabsf(row[l]));
        double scale = (double)amax / 127;
        int8_t *to = out->weight + ((ptrdiff_t)(j / TERN_PANEL) * k4 * TERN_PANEL + j % TERN_PANEL) * TERN_PANEL_K;
        int32_t norm2 = 0;
        for (int l = 0; l < f->k; l++) {
            int8_t q = (int8_t)(amax > 0 ? lrintf(row[l] / amax * 127) : 0);
            to[(ptrdiff_t)(l / TERN_PANEL_K) * TERN_PANEL * TERN_PANEL_K + l % TERN_PANEL_K] = q;
            norm2 += q * q;
            wrong += ((double)row[l] - q * scale) * ((double)row[l] - q * scale);
            all += (double)row[l] * (double)row[l];
        }
        out->wnorm2 = norm2 > out->wnorm2 ? norm2 : out->wnorm2;
    }
    out->error = all > 0 ? wrong / all : 0;
}

/* Stores what is left: multipliers, biases (in units of 1 / bias_scale) and int8 weights. */
static void store(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                  const struct survey *s, double bias_scale, const struct scratch *t)
{
    if (out->coding.format == TERN_FORMAT_INT8)
        store_weights(out, f, in, t->rows);
    for (int j = 0; j < f->n; j++) {
        double bias = folded_row(t->rows, f, in, j) * bias_scale;
        out->mul[j] = (int16_t)(s->scale > 0 ? lrint(t->scale[j] / s->scale * TERN_MUL_ONE) : 0);
        if (out->bias16)
            out->bias16[j] = (int16_t)lrint(fmax(-32767, fmin(32767, bias)));
        else
            out->bias32[j] = (int32_t)lrint(fmax(-(1 << 29), fmin(1 << 29, bias)));
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
    const struct scratch t = scratch_of(scratch, f->n, f->k);
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

void tern_quantize_residual(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                            double unit_y, float *scratch)
{
    const struct scratch t = scratch_of(scratch, f->n, f->k);
    const struct survey s = begin(out, f, in, &t);
    /* 2^30 is the product's room and 2^29 the bias's. A factor takes 15 bits and no left shift (tern_residual_scale):
       sums that were shifted are within the first bound, those that were not are amax <= 16384 (context rows and
       activations have that range: quant/store_int8.c) times `step`, as of a row that is one number, to which small
       weights, ternary and binary ones above all, give small sums. */
    int up = TERN_UP_MAX;
    while (up > 0 && (ldexp(TERN_SLACK * shifted_bound(&s, in), up) > ldexp(unit_y, 30) ||
                      ldexp(s.bias, up) > ldexp(unit_y, 29) || ldexp(step(&s, in), up) > 2 * unit_y))
        up--;
    out->up = up;
    out->unit = ldexp(unit_y, -up);
    out->kappa = tern_real_of(step(&s, in) / out->unit);
    store(out, f, in, &s, 1 / out->unit, &t);
}

void tern_quantize_logits(struct tern_linear_out *out, const struct tern_float_linear *f, const struct tern_input *in,
                          float *scratch)
{
    const struct scratch t = scratch_of(scratch, f->n, f->k);
    const struct survey s = begin(out, f, in, &t);
    out->unit = ldexp(1, -TERN_LOGIT_BITS);
    out->kappa = tern_real_of(step(&s, in)); /* to real values; the run applies Q16 */
    store(out, f, in, &s, ldexp(1, TERN_LOGIT_BITS), &t);
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
