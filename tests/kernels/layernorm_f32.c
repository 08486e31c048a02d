/* Cases for the op layernorm_f32. */
#include "tests/kernels/floats.h"

#include <float.h>

enum { X, ADD, GAMMA, BETA };
enum { MOST = 16 * 1024 };

struct args {
    ptrdiff_t ld, ld_add;
    float eps;
    int rms, m, n, adds;
};

static double exact[MOST], bound[MOST];

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_layernorm_f32_fn *)fn)(p[X], a->ld, a->adds ? p[ADD] : NULL, a->ld_add, p[GAMMA], p[BETA], a->eps, a->rms,
                                  a->m, a->n);
}

static int near(const void *args, size_t i, size_t j, const void *got)
{
    const size_t at = i * (size_t)((const struct args *)args)->n + j;
    return fabs((double)*(const float *)got - exact[at]) <= bound[at];
}

/* The mean is off by n u times the mean magnitude at most, and so is every distance from it; the deviation by what that
   and n u of rounding do to it. */
static void solve(const struct args *a, const float *x, const float *add, const float *gamma, const float *beta)
{
    for (int i = 0; i < a->m; i++, x += a->ld, add += a->ld_add) {
        double mean = 0, magnitude = 0, variance = 0, y[MOST];
        for (int j = 0; j < a->n; j++) {
            y[j] = (double)x[j] + (a->adds ? (double)add[j] : 0);
            y[j] = (double)(float)y[j];
            mean += y[j] / a->n;
            magnitude += fabs(y[j]) / a->n;
        }
        mean = a->rms ? 0 : mean;
        for (int j = 0; j < a->n; j++)
            variance += (y[j] - mean) * (y[j] - mean) / a->n;
        const double deviation = sqrt(variance + (double)a->eps), u = (double)FLT_EPSILON * (a->n + 4) / 2;
        for (int j = 0; j < a->n; j++) {
            const double n = (y[j] - mean) / deviation, shift = u * magnitude / deviation;
            exact[i * a->n + j] = n * (double)gamma[j] + (double)beta[j];
            bound[i * a->n + j] = (fabs(n) * (u + shift * shift) + shift) * fabs((double)gamma[j]) +
                                  (double)FLT_EPSILON * (fabs(n * (double)gamma[j]) + fabs((double)beta[j]));
        }
    }
}

static void one(struct check *t, int m, int n, int gap, enum check_fill fill, float most)
{
    const int rms = rng_between(&t->rng, 0, 3) == 0, adds = (int)rng_between(&t->rng, 0, 1);
    const struct args a = {n + gap, n + gap / 2, 1e-6f, rms, m, n, adds};
    float *x = check_buf(t, X, "x", CHECK_INOUT, sizeof(float), m, n, a.ld);
    fill_floats(t, X, x, fill, most);
    float *add = check_buf(t, ADD, "add", CHECK_IN, sizeof(float), m, n, a.ld_add);
    fill_floats(t, ADD, add, FILL_RANDOM, most);
    float *gamma = check_buf(t, GAMMA, "gamma", CHECK_IN, sizeof(float), 1, n, n);
    fill_floats(t, GAMMA, gamma, FILL_RANDOM, 1);
    float *beta = check_buf(t, BETA, "beta", CHECK_IN, sizeof(float), 1, n, n);
    fill_floats(t, BETA, beta, FILL_RANDOM, 1);
    if (!t->bench)
        solve(&a, x, add, gamma, beta);
    t->near = near;
    t->work = m * n;
    check_run(t, call, &a, "m=%d n=%d ld=%td add=%d rms=%d most=%g fill=%s", m, n, a.ld, a.adds, a.rms, (double)most,
              check_fill_name(fill));
}

void check_layernorm_f32(struct check *t)
{
    static const float most[] = {0.01f, 1, 1000};
    if (t->bench) {
        one(t, 8, 384, 0, FILL_RANDOM, 1);
        one(t, 8, 768, 0, FILL_RANDOM, 1);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, 70, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, (int)rng_between(&t->rng, 1, 3), n, check_param(t, 0, 9), (enum check_fill)fill,
                most[(k + fill) % 3]);
}
