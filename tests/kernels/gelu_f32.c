/* Cases for the op gelu_f32. */
#include "tests/kernels/floats.h"

#include <float.h>

enum { X };
enum { MOST = 16 * 1024 };

struct args {
    ptrdiff_t ld;
    int m, n;
};

static float input[MOST];

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_gelu_f32_fn *)fn)(p[X], a->ld, a->m, a->n);
}

/* 1 + erf, of which erf is good to 4 u, loses what it has in common with 1: an error of |x| times that is allowed,
   however small the result. */
static int near(const void *args, size_t i, size_t j, const void *got)
{
    const double x = (double)input[i * (size_t)((const struct args *)args)->n + j];
    return fabs((double)*(const float *)got - x / 2 * (1 + erf(x * sqrt(0.5)))) <= 2 * (double)FLT_EPSILON * fabs(x);
}

static void one(struct check *t, int m, int n, int gap, enum check_fill fill, float most)
{
    const struct args a = {n + gap, m, n};
    float *x = check_buf(t, X, "x", CHECK_INOUT, sizeof(float), m, n, a.ld);
    fill_floats(t, X, x, fill, most);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            input[i * n + j] = x[i * a.ld + j];
    t->near = near;
    t->work = m * n;
    check_run(t, call, &a, "m=%d n=%d ld=%td most=%g fill=%s", m, n, a.ld, (double)most, check_fill_name(fill));
}

void check_gelu_f32(struct check *t)
{
    static const float most[] = {0.001f, 1, 6, 100};
    if (t->bench) {
        one(t, 1, 3072, 0, FILL_RANDOM, 6);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, 70, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, (int)rng_between(&t->rng, 1, 3), n, check_param(t, 0, 9), (enum check_fill)fill,
                most[(k + fill) % 4]);
}
