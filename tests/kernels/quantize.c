/* Cases for the op quantize: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { X, Q, ROW };

struct args {
    int n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_quantize_fn *)fn)(p[X], p[Q], p[ROW], a->n);
}

static void one(struct check *t, int n, int amax, enum check_fill fill)
{
    struct args a = {n};
    int n4 = tern_round_up(n, TERN_PANEL_K);
    check_buf(t, X, "x", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, X, fill, -amax, amax);
    check_buf(t, Q, "q", CHECK_OUT, 1, 1, n4, n4);
    check_buf(t, ROW, "row", CHECK_OUT, sizeof(int32_t), 1, 2, 2);
    t->work = n;
    if (!check_run(t, call, &a, "n=%d amax<=%d fill=%s", n, amax, check_fill_name(fill)) || t->bench)
        return;
    const int8_t *q = check_expected(t, Q);
    const struct tern_row *row = check_expected(t, ROW);
    int max = 0;
    for (int j = 0; j < n; j++) {
        check_that(t, q[j] != -128, "n=%d: q[%d] is -128", n, j);
        max = q[j] > max ? q[j] : -q[j] > max ? -q[j] : max;
    }
    check_that(t, max == (row->amax ? 127 : 0), "n=%d: amax %d gives %d", n, row->amax, max);
    check_that(t, row->norm2 >= 0 && row->norm2 <= 127 * 127 * n, "n=%d: norm2 is %d", n, row->norm2);
}

void check_quantize(struct check *t)
{
    if (t->bench) {
        one(t, 256, 20000, FILL_RANDOM);
        one(t, 768, 20000, FILL_RANDOM);
        one(t, 3072, 20000, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int i = 0; i < (t->quick ? 1 : 4); i++)
                one(t, n, i ? (int)rng_between(&t->rng, 0, 32767) : 32767, (enum check_fill)fill);
    check_group(t, "scales");
    for (int amax = 0; amax <= 32767; amax += amax < 300 ? 1 : t->quick ? 997 : 37)
        one(t, 40, amax, FILL_RANDOM);
    check_group(t, "longest");
    for (int fill = 0; fill < N_FILLS; fill += t->quick ? 3 : 1)
        for (int n = 32766; n <= 32768; n += 2)
            one(t, n, 32767, (enum check_fill)fill);
}
