/* Chooses the codes and multipliers of low-bit weights: nearest values, or second order with error compensation. */
#include "quant/lowbit.h"

#include <math.h>
#include <string.h>

/* A codebook ready for searching: its values in order, and halfway between neighbours. */
struct grid {
    const struct tern_codebook *book;
    int n;
    float value[16], middle[15];
    uint8_t code[16];
    float largest;
};

static struct grid grid_of(enum tern_format format)
{
    struct grid g = {.book = tern_codebook(format)};
    const int n = format == TERN_FORMAT_TERNARY ? 3 : 1 << g.book->bits;
    for (int code = 0; code < n; code++) {
        const float v = g.book->value[code];
        int at = 0;
        while (at < g.n && g.value[at] < v)
            at++;
        if (at < g.n && g.value[at] == v) /* FP4's second zero */
            continue;
        for (int i = g.n; i > at; i--) {
            g.value[i] = g.value[i - 1];
            g.code[i] = g.code[i - 1];
        }
        g.value[at] = v;
        g.code[at] = (uint8_t)code;
        g.n++;
    }
    for (int i = 0; i + 1 < g.n; i++)
        g.middle[i] = (g.value[i] + g.value[i + 1]) / 2;
    g.largest = fmaxf(-g.value[0], g.value[g.n - 1]);
    return g;
}

/* The place of the nearest value to x; of two equally near the larger. */
static int nearest(const struct grid *g, float x)
{
    int at = 0;
    for (int i = 0; i + 1 < g->n; i++)
        at += x >= g->middle[i];
    return at;
}

/* `weight` of each input, or NULL: all alike. */
static double squared_error(const struct grid *g, const float *w, const float *weight, int n, float scale)
{
    const float inverse = 1 / scale;
    float error = 0;
    if (g->book->step) { /* a line: no search */
        const float step = g->book->step, offset = g->book->offset, top = (float)(g->n - 1);
        for (int i = 0; i < n; i++) {
            const float code = fminf(fmaxf(rintf((w[i] * inverse + offset) / step), 0), top);
            const float difference = w[i] - (step * code - offset) * scale;
            error += difference * difference * (weight ? weight[i] : 1);
        }
    } else {
        for (int i = 0; i < n; i++) {
            const float difference = w[i] - g->value[nearest(g, w[i] * inverse)] * scale;
            error += difference * difference * (weight ? weight[i] : 1);
        }
    }
    return (double)error;
}

static float largest(const float *w, int n)
{
    float amax = 0;
    for (int i = 0; i < n; i++)
        amax = fmaxf(amax, fabsf(w[i]));
    return amax;
}

/* The scale of a group of weights by itself: from all of its range down to half, that of least squared error. */
static float group_scale(const struct grid *g, const float *w, const float *weight, int n, int plain)
{
    enum { STEPS = 14 };
    float scale = largest(w, n) / g->largest, best = scale;
    if (plain || !(scale > 0))
        return scale;
    double least = squared_error(g, w, weight, n, scale);
    for (int i = 1; i < STEPS; i++) {
        scale *= 0.95f;
        const double error = squared_error(g, w, weight, n, scale);
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best;
}

/* The channel's scale makes the widest group's multiplier the largest; the other groups take of the multipliers about
   their own scale the one of least squared error. */
static double grouped_channel(const struct grid *g, const struct tern_coding *c, const float *w, int k, uint8_t *mul,
                              float *scales)
{
    const int group = c->group, plain = c->plain;
    const float *moment = c->second ? c->second->moment : NULL;
    const int most = g->book->most_mul;
    float widest = 0;
    for (int i = 0; i * group < k; i++) {
        const int n = k - i * group < group ? k - i * group : group;
        scales[i] = group_scale(g, w + i * group, moment ? moment + i * group : NULL, n, plain);
        widest = fmaxf(widest, scales[i]);
    }
    const float scale = widest / (float)most;
    for (int i = 0; i * group < k; i++) {
        const int n = k - i * group < group ? k - i * group : group;
        const float *weight = moment ? moment + i * group : NULL;
        const int about = scale > 0 ? (int)lrintf(scales[i] / scale) : 1;
        int best = about < 1 ? 1 : about > most ? most : about;
        double least = -1;
        for (int m = about - 1; scale > 0 && !plain && m <= about + 1; m++) {
            const double error =
                m < 1 || m > most ? INFINITY : squared_error(g, w + i * group, weight, n, scale * (float)m);
            if (m >= 1 && m <= most && (least < 0 || error < least)) {
                least = error;
                best = m;
            }
        }
        mul[i * TERN_PANEL] = (uint8_t)best;
    }
    return (double)scale;
}

/* Ternary weight networks (Li et al. 2016): beyond 0.7 of the mean magnitude a weight is +-scale, the mean magnitude of
   those; from there the threshold follows the scale, which ends at a local optimum. */
static double ternary_channel(const float *w, int k)
{
    double mean = 0, scale = 0;
    for (int i = 0; i < k; i++)
        mean += fabs((double)w[i]) / k;
    double threshold = 0.7 * mean;
    for (int round = 0, before = -1; round < 30; round++) {
        double sum = 0;
        int n = 0;
        for (int i = 0; i < k; i++)
            if (fabs((double)w[i]) > threshold) {
                sum += fabs((double)w[i]);
                n++;
            }
        if (n == before)
            break;
        before = n;
        scale = n ? sum / n : 0;
        threshold = scale / 2;
    }
    return scale;
}

/* Sign and mean magnitude (XNOR-Net: Rastegari et al. 2016; BitNet). */
static double binary_channel(const float *w, int k)
{
    double sum = 0;
    for (int i = 0; i < k; i++)
        sum += fabs((double)w[i]);
    return sum / k;
}

static float unit_of(const struct tern_coding *c, const uint8_t *mul, double scale, int channel, int input)
{
    const int m = tern_format_grouped(c->format) ? mul[input / c->group * TERN_PANEL + channel] : 1;
    return (float)(scale * m);
}

/* Every weight to the nearest value. */
static void round_channel(const struct tern_coding *c, const struct grid *g, const float *w, int k, uint8_t *codes,
                          const uint8_t *mul, double scale, int channel)
{
    for (int i = 0; i < k; i++) {
        const float unit = unit_of(c, mul, scale, channel, i);
        codes[i] = g->code[nearest(g, unit > 0 ? w[i] / unit : 0)];
    }
}

/* The place of 0, which 4-bit formats have. */
static int place_of_zero(const struct grid *g)
{
    return nearest(g, 0);
}

/* All channels at once, so that a row of the factor is read once for all of them. row[k] is scratch. What would have
   been added to a weight that stays 0 is an error of its own, made good in those after it (SparseGPT: Frantar and
   Alistarh 2023). Until a weight has its code, that says whether it stays 0. */
static void compensate(const struct tern_coding *c, const struct grid *g, float *rows, int count, int k, uint8_t *codes,
                       const uint8_t *mul, const double *scale, float *row)
{
    for (int j = 0; j < count; j++) {
        float *w = rows + (ptrdiff_t)j * k;
        for (int p = 0; p < k; p++) {
            row[p] = w[c->second->order[p]];
            codes[(ptrdiff_t)j * k + p] = c->keep_zeros && w[p] == 0;
        }
        memcpy(w, row, (size_t)k * sizeof *row);
    }
    for (int p = 0; p < k; p++) {
        const float *factor = c->second->factor + (ptrdiff_t)p * k;
        const int input = c->second->order[p];
        for (int j = 0; j < count; j++) {
            float *w = rows + (ptrdiff_t)j * k;
            const float unit = unit_of(c, mul, scale[j], j, input);
            uint8_t *code = codes + (ptrdiff_t)j * k + input;
            const int at = *code ? place_of_zero(g) : nearest(g, unit > 0 ? w[p] / unit : 0);
            *code = g->code[at];
            const float error = (w[p] - g->value[at] * unit) / factor[p];
            for (int later = p + 1; later < k; later++)
                w[later] -= error * factor[later];
        }
    }
}

void tern_quantize_panel(const struct tern_coding *c, float *rows, int count, int k, uint8_t *codes, uint8_t *mul,
                         double *scale, float *scratch)
{
    const struct grid g = grid_of(c->format);
    for (int j = 0; j < count; j++) {
        const float *w = rows + (ptrdiff_t)j * k;
        if (c->format == TERN_FORMAT_TERNARY)
            scale[j] = ternary_channel(w, k);
        else if (c->format == TERN_FORMAT_BINARY)
            scale[j] = binary_channel(w, k);
        else
            scale[j] = grouped_channel(&g, c, w, k, mul + j, scratch);
        if (!c->second)
            round_channel(c, &g, w, k, codes + (ptrdiff_t)j * k, mul, scale[j], j);
    }
    if (c->second)
        compensate(c, &g, rows, count, k, codes, mul, scale, scratch);
}

double tern_quantize_row_codes(enum tern_format format, int plain, const float *w, int n, uint8_t *codes)
{
    const struct grid g = grid_of(format);
    const double scale =
        format == TERN_FORMAT_TERNARY ? ternary_channel(w, n) : (double)group_scale(&g, w, NULL, n, plain);
    for (int i = 0; i < n; i++)
        codes[i] = g.code[nearest(&g, scale > 0 ? (float)((double)w[i] / scale) : 0)];
    return scale;
}
