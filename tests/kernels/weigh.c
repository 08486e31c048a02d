/* Cases for the op weigh: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { X, COSINE, SINE, OUT };

struct args {
    ptrdiff_t ld_x, ld_out;
    int m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_weigh_fn *)fn)(p[X], a->ld_x, p[COSINE], p[SINE], p[OUT], a->ld_out, a->m, a->n);
}

static void one(struct check *t, int m, int n, enum check_fill fill, enum check_fill factors)
{
    const struct args a = {n + check_param(t, 0, 20), 2 * n + check_param(t, 0, 20), m, n};
    check_buf(t, X, "x", CHECK_IN, sizeof(int16_t), m, n, a.ld_x);
    check_fill(t, X, fill, -32767, 32767);
    check_buf(t, COSINE, "cosine", CHECK_IN, sizeof(int16_t), 1, m, m);
    check_fill(t, COSINE, factors, 0, 32767);
    check_buf(t, SINE, "sine", CHECK_IN, sizeof(int16_t), 1, m, m);
    check_fill(t, SINE, factors, 0, 32767);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int16_t), m, 2 * n, a.ld_out);
    t->work = (double)m * n;
    check_run(t, call, &a, "m=%d n=%d ld=%td,%td fill=%s,%s", m, n, a.ld_x, a.ld_out, check_fill_name(fill),
              check_fill_name(factors));
}

void check_weigh(struct check *t)
{
    if (t->bench) {
        one(t, 128, 64, FILL_RANDOM, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, n > CHECK_TAIL ? 2 : 1 + (k + fill) % 7, n, (enum check_fill)fill,
                (enum check_fill)((k + fill) % N_FILLS));
    check_group(t, "tokens");
    for (int k = 0, m; (m = check_size(t, k, 70, 0)) > 0; k++)
        one(t, m, (int)rng_between(&t->rng, 1, 100), FILL_EDGES, FILL_EDGES);
}
