/* Cases for the op dot_s8: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { Q, X, OUT };

struct args {
    ptrdiff_t ld;
    int n, k;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_dot_s8_fn *)fn)(p[Q], p[X], a->ld, p[OUT], a->n, a->k);
}

static void one(struct check *t, int n, int k, int gap, enum check_fill q, enum check_fill x)
{
    struct args a = {k + gap, n, k};
    check_buf(t, Q, "q", CHECK_IN, 1, 1, k, k);
    check_fill(t, Q, q, -127, 127);
    check_buf(t, X, "x", CHECK_IN, 1, n, k, a.ld);
    check_fill(t, X, x, -127, 127);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int32_t), 1, n, n);
    t->work = (double)n * k;
    check_run(t, call, &a, "n=%d k=%d ld=%td fill=%s,%s", n, k, a.ld, check_fill_name(q), check_fill_name(x));
}

void check_dot_s8(struct check *t)
{
    if (t->bench) {
        one(t, 1024, 384, 0, FILL_RANDOM, FILL_RANDOM);
        one(t, 1024, 768, 0, FILL_RANDOM, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int i = 0, k; (k = check_size(t, i, CHECK_TAIL, 1)) > 0; i++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int n = 1; n <= 9; n += fill == FILL_RANDOM ? 1 : 4)
                one(t, n, k, check_param(t, 0, 20), (enum check_fill)((fill + i) % N_FILLS), (enum check_fill)fill);
    check_group(t, "rows");
    for (int i = 0, n; (n = check_size(t, i, 70, 0)) > 0; i++)
        for (int fill = 0; fill < N_FILLS; fill += 3)
            one(t, n, (int)rng_between(&t->rng, 1, 300), 0, FILL_RANDOM, (enum check_fill)fill);
    /* 133,144 columns are the contract's limit: the sums come within 127^2 of an int32's end. */
    check_group(t, "longest");
    for (int k = 133144 - 1; k <= 133144; k++) {
        one(t, 3, k, 0, FILL_MAX, FILL_MAX);
        one(t, 3, k, 0, FILL_MAX, FILL_MIN);
        one(t, 3, k, 0, FILL_MIN, FILL_MIN);
    }
}
