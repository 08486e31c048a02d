/* Cases for the op softmax_f32. */
#include "tests/kernels/floats.h"

#include <float.h>

enum { X };
enum { MOST = 16 * 1024 };

struct args {
    ptrdiff_t ld;
    float scale;
    int m, n;
};

static double exact[MOST], bound[MOST];

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_softmax_f32_fn *)fn)(p[X], a->ld, a->scale, a->m, a->n);
}

static int near(const void *args, size_t i, size_t j, const void *got)
{
    const size_t at = i * (size_t)((const struct args *)args)->n + j;
    return fabs((double)*(const float *)got - exact[at]) <= bound[at];
}

/* exp's argument is rounded twice, which costs |argument| u each; exp itself 2 u, the sum n u at most, the quotient u.
   What is below a float's normal range may be anything there. */
static void solve(const struct args *a, const float *x)
{
    for (int i = 0; i < a->m; i++, x += a->ld) {
        double max = (double)x[0], sum = 0;
        for (int j = 1; j < a->n; j++)
            max = fmax(max, (double)x[j]);
        for (int j = 0; j < a->n; j++)
            sum += exp((double)a->scale * ((double)x[j] - max));
        for (int j = 0; j < a->n; j++) {
            const double y = (double)a->scale * ((double)x[j] - max), p = exp(y) / sum;
            exact[i * a->n + j] = p;
            bound[i * a->n + j] = (2 * fabs(y) + a->n + 8) * (double)FLT_EPSILON * p + 4 * (double)FLT_MIN;
        }
    }
}

static void one(struct check *t, int m, int n, int gap, enum check_fill fill, float most, float scale)
{
    const struct args a = {n + gap, scale, m, n};
    float *x = check_buf(t, X, "x", CHECK_INOUT, sizeof(float), m, n, a.ld);
    fill_floats(t, X, x, fill, most);
    if (!t->bench)
        solve(&a, x);
    t->near = near;
    t->work = m * n;
    check_run(t, call, &a, "m=%d n=%d ld=%td most=%g scale=%g fill=%s", m, n, a.ld, (double)most, (double)scale,
              check_fill_name(fill));
}

void check_softmax_f32(struct check *t)
{
    static const float most[] = {0.01f, 3, 40, 1000};
    if (t->bench) {
        one(t, 8, 128, 0, FILL_RANDOM, 40, 0.125f);
        one(t, 8, 384, 0, FILL_RANDOM, 40, 0.125f);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, 70, 0)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, (int)rng_between(&t->rng, 1, 3), n, check_param(t, 0, 9), (enum check_fill)fill,
                most[(k + fill) % 4], k & 1 ? 0.125f : 1);
}
