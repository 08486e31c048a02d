/* Cases for the op taps: sizes, numbers of taps and fills, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { X, W, SUM };

struct args {
    ptrdiff_t ld_x, ld_w;
    int m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_taps_fn *)fn)(p[X], a->ld_x, p[W], a->ld_w, p[SUM], a->m, a->n);
}

static void one(struct check *t, int m, int n, enum check_fill fill)
{
    const struct args a = {n + check_param(t, 0, 20), n + check_param(t, 0, 20), m, n};
    const int most = 32767 / m; /* of a weight: all taps together stay below 2^30, as do the sums before */
    check_buf(t, X, "x", CHECK_IN, sizeof(int16_t), m, n, a.ld_x);
    check_fill(t, X, fill, -32767, 32767);
    check_buf(t, W, "w", CHECK_IN, sizeof(int16_t), m, n, a.ld_w);
    check_fill(t, W, fill == FILL_RANDOM ? FILL_EDGES : fill, -most, most);
    check_buf(t, SUM, "sum", CHECK_INOUT, sizeof(int32_t), 1, n, n);
    check_fill(t, SUM, fill, -(1 << 30), 1 << 30);
    t->work = (double)m * n;
    check_run(t, call, &a, "m=%d n=%d ld=%td,%td fill=%s", m, n, a.ld_x, a.ld_w, check_fill_name(fill));
}

void check_taps(struct check *t)
{
    if (t->bench) {
        one(t, 9, 768, FILL_RANDOM);
        one(t, 65, 768, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, 1 + (k + fill) % 5, n, (enum check_fill)fill);
    check_group(t, "taps");
    for (int m = 1; m <= 70; m += t->quick ? 7 : 1)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, m, 45, (enum check_fill)fill);
}
