/* The quantisers of TernaryBERT and BitNet, and the test whether a matrix lies on their grid: `--trained`. */
#include "quant/trained.h"

#include <math.h>
#include <string.h>

/* -1: off the grid; else whether any weight is not 0. */
static int channel_on_grid(const float *w, int k, int zeros_allowed)
{
    const float tolerance = 0x1p-20f;
    float least = INFINITY, most = 0;
    int zeros = 0;
    for (int i = 0; i < k; i++) {
        const float magnitude = fabsf(w[i]);
        zeros += magnitude == 0;
        least = magnitude > 0 && magnitude < least ? magnitude : least;
        most = magnitude > most ? magnitude : most;
    }
    if (zeros == k)
        return 0;
    return (zeros && !zeros_allowed) || !(most - least <= tolerance * most) ? -1 : 1;
}

int tern_on_grid(enum tern_format format, const float *w, int n, int k)
{
    int any = 0;
    if (format != TERN_FORMAT_TERNARY && format != TERN_FORMAT_BINARY)
        return 0;
    for (int j = 0; j < n; j++) {
        const int channel = channel_on_grid(w + (ptrdiff_t)j * k, k, format == TERN_FORMAT_TERNARY);
        if (channel < 0)
            return 0;
        any |= channel;
    }
    return any;
}

static const struct {
    const char *name;
    enum tern_format format;
} rules[TERN_N_RULES] = {
    [TERN_RULE_NONE] = {NULL, TERN_FORMAT_INT8},
    [TERN_RULE_TWN] = {"twn", TERN_FORMAT_TERNARY},
    [TERN_RULE_B158] = {"b1.58", TERN_FORMAT_TERNARY},
    [TERN_RULE_BITNET] = {"bitnet", TERN_FORMAT_BINARY},
};

int tern_rule_find(const char *name)
{
    for (int i = TERN_RULE_NONE + 1; name && i < TERN_N_RULES; i++)
        if (!strcmp(name, rules[i].name))
            return i;
    return name ? -1 : TERN_RULE_NONE;
}

const char *tern_rule_name(enum tern_rule rule)
{
    return rules[rule].name;
}

enum tern_format tern_rule_format(enum tern_rule rule)
{
    return rules[rule].format;
}

static double mean_magnitude(const float *w, size_t count, double above)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (fabs((double)w[i]) > above) {
            sum += fabs((double)w[i]);
            n++;
        }
    return n ? sum / (double)n : 0;
}

static void cut(float *w, size_t count, double threshold, float value)
{
    for (size_t i = 0; i < count; i++)
        w[i] = fabs((double)w[i]) > threshold ? copysignf(value, w[i]) : 0;
}

void tern_rule_apply(enum tern_rule rule, float *w, size_t count)
{
    const double mean = mean_magnitude(w, count, -1), least = 1e-5;
    double centre = 0;
    switch (rule) {
    case TERN_RULE_NONE: break;
    case TERN_RULE_TWN: cut(w, count, 0.7 * mean, (float)mean_magnitude(w, count, 0.7 * mean)); break;
    case TERN_RULE_B158: /* halves round to even, here to 0, as PyTorch's */
        cut(w, count, fmax(mean, least) / 2, (float)fmax(mean, least));
        break;
    case TERN_RULE_BITNET:
        for (size_t i = 0; i < count; i++)
            centre += (double)w[i] / (double)count;
        for (size_t i = 0; i < count; i++)
            w[i] = (double)w[i] > centre ? (float)mean : (float)-mean;
        break;
    case TERN_N_RULES: break;
    }
}
