/* Chooses the codes and multipliers of weights: nearest values, or second order with error compensation. */
#include "quant/lowbit.h"

#include <math.h>
#include <string.h>

/* A codebook ready for searching: its values in order, and halfway between neighbours. Formats of bytes have none:
   their places are -bound .. bound, in units of the largest weight. */
struct grid {
    const struct tern_codebook *book; /* NULL: bytes */
    float bound;
    int n;
    float value[16], middle[15];
    uint8_t code[16];
    float least, most; /* below and above 0 */
};

static struct grid grid_of(enum tern_format format)
{
    struct grid g = {.book = tern_codebook(format)};
    if (!g.book) {
        g.bound = (float)tern_format_bound(format);
        return g;
    }
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
    g.least = g.value[0];
    g.most = g.value[g.n - 1];
    return g;
}

/* The place of the nearest value to x; of two equally near the larger, of bytes the even one. */
static int nearest(const struct grid *g, float x)
{
    int at = 0;
    if (!g->book)
        return (int)lrintf(fminf(fmaxf(x * g->bound, -g->bound), g->bound));
    for (int i = 0; i + 1 < g->n; i++)
        at += x >= g->middle[i];
    return at;
}

static float value_at(const struct grid *g, int place)
{
    return g->book ? g->value[place] : (float)place / g->bound;
}

static uint8_t code_at(const struct grid *g, int place)
{
    return g->book ? g->code[place] : (uint8_t)place;
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

/* The least scale at which the grid reaches every weight. It matters that none is clipped at first: a grid from -8 to 7
   that was scaled by the largest magnitude alone took an eighth off the largest weights above 0, and where texts show
   an outlier behind such a weight the compensation spread that over all others. */
static float whole_range(const struct grid *g, const float *w, int n)
{
    float scale = 0;
    for (int i = 0; i < n; i++)
        scale = fmaxf(scale, w[i] / (w[i] < 0 ? g->least : g->most));
    return scale;
}

/* The scale of a group of weights by itself: from all of its range down to half, that of least squared error. */
static float group_scale(const struct grid *g, const float *w, const float *weight, int n, int plain)
{
    enum { STEPS = 14 };
    float scale = whole_range(g, w, n), best = scale;
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

/* ---- Weights that lie on the grid already ----------------------------------------------------------------------- */

/* What f32 keeps of a value of the grid that was divided by a gamma, and is multiplied with it again. */
static const float rounding = 0x1p-16f;

/* Whether every weight is a value of the grid times `unit`. */
static int all_values(const struct grid *g, const float *w, int n, float unit)
{
    for (int i = 0; i < n; i++) {
        const float x = w[i] / unit;
        if (!(fabsf(x - g->value[nearest(g, x)]) <= rounding))
            return 0;
    }
    return 1;
}

/* The weight of largest magnitude. */
static float peak_of(const float *w, int n)
{
    float peak = 0;
    for (int i = 0; i < n; i++)
        peak = fabsf(w[i]) > fabsf(peak) ? w[i] : peak;
    return peak;
}

/* The unit by which the group's peak is the value at `place`, if all of the group are values of it; else 0. */
static float unit_by(const struct grid *g, const float *w, int n, float peak, int place)
{
    const float unit = g->value[place] != 0 ? peak / g->value[place] : 0;
    return unit > 0 && isfinite(unit) && all_values(g, w, n, unit) ? unit : 0;
}

/* The multiplier of a group whose weights are values of the grid times whole multiples of `scale`; 0: there is none. */
static int exact_multiplier(const struct grid *g, const float *w, int n, float scale)
{
    const float peak = peak_of(w, n);
    if (peak == 0)
        return 1;
    for (int place = 0; place < g->n; place++) {
        const float times = g->value[place] != 0 ? peak / g->value[place] / scale : 0, whole = rintf(times);
        if (whole >= 1 && whole <= (float)g->book->most_mul && fabsf(times - whole) <= rounding * whole &&
            all_values(g, w, n, scale * whole))
            return (int)whole;
    }
    return 0;
}

/* The multipliers by which a channel lies on the grid, and its scale; 0: it does not, or is nothing but zeros. */
static double exact_channel(const struct grid *g, int group, const float *w, int k, uint8_t *mul)
{
    const float peak = peak_of(w, k);
    int widest = 0;
    for (int i = 0; i * group < k; i++)
        widest =
            fabsf(peak_of(w + i * group, k - i * group < group ? k - i * group : group)) == fabsf(peak) ? i : widest;
    const float *const first = w + widest * group;
    const int n = k - widest * group < group ? k - widest * group : group;
    for (int place = 0; peak != 0 && place < g->n; place++) {
        const float unit = unit_by(g, first, n, peak_of(first, n), place);
        for (int m = 1; unit > 0 && m <= g->book->most_mul; m++) {
            const float scale = unit / (float)m;
            int i = 0, at;
            for (; i * group < k; i++) {
                const int length = k - i * group < group ? k - i * group : group;
                at = exact_multiplier(g, w + i * group, length, scale);
                if (!at)
                    break;
                mul[i * TERN_PANEL] = (uint8_t)at;
            }
            if (i * group >= k)
                return (double)scale;
        }
    }
    return 0;
}

/* The channel's scale makes the widest group's multiplier the largest; the other groups take of the multipliers about
   their own scale the one of least squared error. `moment` is that of each input, or NULL. */
static double grouped_channel(const struct grid *g, const struct tern_coding *c, const float *w, const float *moment,
                              int k, uint8_t *mul, float *scales)
{
    const int group = c->group, plain = c->plain;
    const int most = g->book->most_mul;
    const double exact = plain ? 0 : exact_channel(g, group, w, k, mul);
    float widest = 0;
    if (exact > 0)
        return exact;
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

static double largest(const float *w, int k)
{
    float most = 0;
    for (int i = 0; i < k; i++)
        most = fmaxf(most, fabsf(w[i]));
    return (double)most;
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

/* Where an input stands: itself, and from input `copy` on its `times` - 1 copies. */
struct places {
    int input, copy, times;
};

static struct places places_of(const struct tern_coding *c, int k, int input)
{
    const int n = c->copies ? c->copies->count : 0;
    int low = 0, end = n;
    while (low < end) {
        const int middle = low + (end - low) / 2;
        if (c->copies->column[middle] < input)
            low = middle + 1;
        else
            end = middle;
    }
    while (end < n && c->copies->column[end] == input)
        end++;
    return (struct places){input, k + low, end - low + 1};
}

/* Codes for a weight wherever its input stands. What reads them are r nearly equal parts of that input, so the weight
   is the codes' mean, which r codes bring r times nearer to it: each makes good what those before it left. Returns the
   mean. */
static float round_places(const struct tern_coding *c, const struct grid *g, float w, const struct places *p,
                          uint8_t *codes, const uint8_t *mul, double scale, int channel)
{
    float sum = 0;
    for (int i = 0; i < p->times; i++) {
        const int input = i ? p->copy + i - 1 : p->input;
        const float unit = unit_of(c, mul, scale, channel, input);
        const float left = i ? ((float)p->times * w - sum) / (float)(p->times - i) : w;
        const int at = nearest(g, unit > 0 ? left / unit : 0);
        codes[input] = code_at(g, at);
        sum += value_at(g, at) * unit;
    }
    return sum / (float)p->times;
}

/* Every weight to the nearest value. */
static void round_channel(const struct tern_coding *c, const struct grid *g, const float *w, int k, uint8_t *codes,
                          const uint8_t *mul, double scale, int channel)
{
    for (int i = 0; i < k; i++) {
        const struct places places = places_of(c, k, i);
        round_places(c, g, w[i], &places, codes, mul, scale, channel);
    }
}

/* All channels at once, so that a row of the factor is read once for all of them. row[k] is scratch. What would have
   been added to a weight that stays 0 is an error of its own, made good in those after it (SparseGPT: Frantar and
   Alistarh 2023). Until a weight has its code, that says whether it stays 0. Rows begin every `ld` floats and codes. */
static void compensate(const struct tern_coding *c, const struct grid *g, float *rows, int count, int k, ptrdiff_t ld,
                       uint8_t *codes, const uint8_t *mul, const double *scale, float *row)
{
    for (int j = 0; j < count; j++) {
        float *w = rows + j * ld;
        for (int p = 0; p < k; p++) {
            row[p] = w[c->second->order[p]];
            codes[j * ld + p] = c->keep_zeros && w[p] == 0;
        }
        memcpy(w, row, (size_t)k * sizeof *row);
    }
    for (int p = 0; p < k; p++) {
        const float *factor = c->second->factor + (ptrdiff_t)p * k;
        const struct places places = places_of(c, k, c->second->order[p]);
        for (int j = 0; j < count; j++) {
            float *w = rows + j * ld;
            const int stays_zero = codes[j * ld + places.input];
            const float value = round_places(c, g, stays_zero ? 0 : w[p], &places, codes + j * ld, mul, scale[j], j);
            const float error = (w[p] - value) / factor[p];
            for (int later = p + 1; later < k; later++)
                w[later] -= error * factor[later];
        }
    }
}

/* The moments of k inputs and their copies, in out[k + copies]. An input that stands r times, each time as its r-th
   part, weighs 1 / r of its moment each time. Returns NULL where there are no moments. */
static const float *spread_moments(const struct tern_coding *c, int k, float *out)
{
    if (!c->second || !c->copies || !c->copies->count)
        return c->second ? c->second->moment : NULL;
    memcpy(out, c->second->moment, (size_t)k * sizeof *out);
    for (int i = 0, times; i < c->copies->count; i += times) {
        const int column = c->copies->column[i];
        for (times = 1; i + times < c->copies->count && c->copies->column[i + times] == column;)
            times++;
        out[column] /= (float)(times + 1);
        for (int copy = i; copy < i + times; copy++)
            out[k + copy] = out[column];
    }
    return out;
}

void tern_quantize_panel(const struct tern_coding *c, float *rows, int count, int k, uint8_t *codes, uint8_t *mul,
                         double *scale, float *scratch)
{
    const struct grid g = grid_of(c->format);
    const int all = k + (c->copies ? c->copies->count : 0);
    const float *moment = spread_moments(c, k, scratch + all);
    for (int j = 0; j < count; j++) {
        const float *w = rows + (ptrdiff_t)j * all;
        if (!g.book)
            scale[j] = largest(w, k);
        else if (c->format == TERN_FORMAT_TERNARY)
            scale[j] = ternary_channel(w, k);
        else if (c->format == TERN_FORMAT_BINARY)
            scale[j] = binary_channel(w, k);
        else
            scale[j] = grouped_channel(&g, c, w, moment, all, mul + j, scratch);
        if (!c->second)
            round_channel(c, &g, w, k, codes + (ptrdiff_t)j * all, mul, scale[j], j);
    }
    if (c->second)
        compensate(c, &g, rows, count, k, all, codes, mul, scale, scratch);
    for (int j = 0; !g.book && j < count; j++)
        scale[j] /= (double)g.bound;
}

int tern_coded_value(const struct tern_coding *c, int code, const uint8_t *mul, int channel, int input)
{
    const struct tern_codebook *book = tern_codebook(c->format);
    if (!book)
        return (int8_t)code;
    return book->value[code] * (tern_format_grouped(c->format) ? mul[input / c->group * TERN_PANEL + channel] : 1);
}

void tern_sums_to_means(float *sum, const struct tern_copies *copies)
{
    for (int i = 0, times; copies && i < copies->count; i += times) {
        for (times = 1; i + times < copies->count && copies->column[i + times] == copies->column[i];)
            times++;
        sum[copies->column[i]] /= (float)(times + 1);
    }
}

double tern_quantize_row_codes(enum tern_format format, int plain, const float *w, int n, uint8_t *codes)
{
    const struct grid g = grid_of(format);
    const float peak = peak_of(w, n);
    double scale = 0;
    for (int place = 0; !plain && peak != 0 && format != TERN_FORMAT_TERNARY && place < g.n && !(scale > 0); place++)
        scale = (double)unit_by(&g, w, n, peak, place);
    if (!(scale > 0))
        scale = format == TERN_FORMAT_TERNARY ? ternary_channel(w, n) : (double)group_scale(&g, w, NULL, n, plain);
    for (int i = 0; i < n; i++)
        codes[i] = g.code[nearest(&g, scale > 0 ? (float)((double)w[i] / scale) : 0)];
    return scale;
}
