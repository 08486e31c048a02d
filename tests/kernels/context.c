/* Cases for the op context: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/scale.h"

enum { HIGH, LOW, OUT, ROW };

struct args {
    ptrdiff_t ld_acc, ld_out;
    int m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_context_fn *)fn)(p[HIGH], p[LOW], a->ld_acc, p[OUT], a->ld_out, p[ROW], a->m, a->n);
}

static void one(struct check *t, int m, int n, enum check_fill fill, int bits, int kind)
{
    struct args a = {n + check_param(t, 0, 20), n + check_param(t, 0, 20), m, n};
    check_buf(t, HIGH, "high", CHECK_IN, sizeof(int32_t), m, n, a.ld_acc);
    check_fill(t, HIGH, fill, -((int64_t)1 << bits), ((int64_t)1 << bits) - 1);
    check_buf(t, LOW, "low", CHECK_IN, sizeof(int32_t), m, n, a.ld_acc);
    check_fill(t, LOW, fill, -((int64_t)1 << bits), ((int64_t)1 << bits) - 1);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int16_t), m, n, a.ld_out);
    scale_rows(t, ROW, m, kind);
    t->work = (double)m * n;
    if (!check_run(t, call, &a, "m=%d n=%d ld=%td,%td fill=%s bits=%d scales=%d", m, n, a.ld_acc, a.ld_out,
                   check_fill_name(fill), bits, kind) ||
        t->bench)
        return;
    const int16_t *out = check_expected(t, OUT);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            check_that(t, out[i * a.ld_out + j] != -32768, "m=%d n=%d: out is -32768", m, n);
}

void check_context(struct check *t)
{
    if (t->bench) {
        one(t, 32, 64, FILL_RANDOM, 20, 5);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int kind = 0; kind < N_SCALE_KINDS; kind += t->quick ? 2 : 1)
                one(t, 1 + (k + kind) % 5, n, (enum check_fill)fill, kind < 4 ? 31 : 24, kind);
    check_group(t, "tokens");
    for (int k = 0, m; (m = check_size(t, k, 70, 0)) > 0; k++)
        one(t, m, (int)rng_between(&t->rng, 1, 100), FILL_EDGES, (int)rng_between(&t->rng, 8, 31), 3 + k % 3);
}
