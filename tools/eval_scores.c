/* Cosines, correlations and percentiles, for `tern eval`. */
#include "tools/eval_scores.h"

#include "runtime/base/dots.h"

#include <math.h>
#include <stdlib.h>

double eval_cosine(const float *a, const float *b, int32_t n)
{
    const struct tern_dots d = tern_dots_of(a, b, n);
    if (isnan(d.ab) || isinf(d.aa) || isinf(d.bb))
        return NAN;
    if (d.aa == 0 || d.bb == 0)
        return 0;
    const double cosine = d.ab / sqrt(d.aa) / sqrt(d.bb);
    return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

static int is_constant(const double *x, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0])
            return 0;
    return 1;
}

double eval_pearson(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xy = 0, xx = 0, yy = 0;
    if (is_constant(x, n) || is_constant(y, n))
        return NAN; /* rounding may hide that the variance is 0 */
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - mx) * (y[i] - my);
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
    }
    const double r = xy / sqrt(xx) / sqrt(yy);
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

struct place {
    double value;
    size_t index;
};

/* Of places too, which begin with their value. */
static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *ranks(const double *x, size_t n)
{
    double *rank = malloc(n * sizeof *rank);
    struct place *places = malloc(n * sizeof *places);
    if (!rank || !places) {
        free(rank);
        free(places);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){x[i], i};
    qsort(places, n, sizeof *places, ascending);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && places[k].value == places[i].value; k++)
            ;
        for (size_t j = i; j < k; j++)
            rank[places[j].index] = (double)(i + k - 1) / 2;
    }
    free(places);
    return rank;
}

int eval_spearman(double *out, const double *x, const double *y, size_t n)
{
    double *rx = ranks(x, n), *ry = ranks(y, n);
    const int failed = !rx || !ry;
    if (!failed)
        *out = eval_pearson(rx, ry, n);
    free(rx);
    free(ry);
    return failed ? -1 : 0;
}

/* How often each class meets each: counts[gold][predicted]. */
static void count(double counts[2][2], const double *gold, const double *predicted, size_t n)
{
    counts[0][0] = counts[0][1] = counts[1][0] = counts[1][1] = 0;
    for (size_t i = 0; i < n; i++)
        counts[gold[i] == 1][predicted[i] == 1]++;
}

double eval_f1(const double *gold, const double *predicted, size_t n)
{
    double c[2][2];
    count(c, gold, predicted, n);
    const double all = 2 * c[1][1] + c[0][1] + c[1][0];
    return all > 0 ? 2 * c[1][1] / all : 0;
}

double eval_matthews(const double *gold, const double *predicted, size_t n)
{
    double c[2][2];
    count(c, gold, predicted, n);
    const double right = c[1][1] * c[0][0] - c[0][1] * c[1][0];
    const double sides = (c[1][1] + c[0][1]) * (c[1][1] + c[1][0]) * ((c[0][0] + c[0][1]) * (c[0][0] + c[1][0]));
    return sides > 0 ? right / sqrt(sides) : 0;
}

double eval_percentile(double *values, size_t n, double percentile)
{
    qsort(values, n, sizeof *values, ascending);
    const double at = percentile / 100 * (double)(n - 1);
    const size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    return values[below] + (at - (double)below) * (values[above] - values[below]);
}
