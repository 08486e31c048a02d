/* Cases for the op pool: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { X, OUT };

struct args {
    ptrdiff_t ld;
    int m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_pool_fn *)fn)(p[X], a->ld, p[OUT], a->m, a->n);
}

static void one(struct check *t, int m, int n, int gap, enum check_fill fill)
{
    struct args a = {n + gap, m, n};
    check_buf(t, X, "x", CHECK_IN, sizeof(int16_t), m, n, a.ld);
    check_fill(t, X, fill, -32767, 32767);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int32_t), 1, n, n);
    t->work = (double)m * n;
    check_run(t, call, &a, "m=%d n=%d ld=%td fill=%s", m, n, a.ld, check_fill_name(fill));
}

void check_pool(struct check *t)
{
    if (t->bench) {
        one(t, 128, 256, 0, FILL_RANDOM);
        one(t, 128, 768, 0, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int m = 1; m <= 9; m += fill == FILL_RANDOM ? 1 : 4)
                one(t, m, n, check_param(t, 0, 20), (enum check_fill)fill);
    check_group(t, "tokens");
    for (int k = 0, m; (m = check_size(t, k, 70, 0)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill += 3)
            one(t, m, (int)rng_between(&t->rng, 1, 300), 0, (enum check_fill)fill);
    /* 65,536 rows are the contract's limit: the sums come within 65,536 of an int32's end. */
    check_group(t, "longest sum");
    for (int n = 1; n <= 17; n += 8)
        for (int m = 65535; m <= 65536; m++)
            one(t, m, n, 0, n == 9 ? FILL_MIN : FILL_MAX);
}
