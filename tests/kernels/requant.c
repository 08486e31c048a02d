/* Cases for the op requant: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/scale.h"

enum { ACC, OUT, ROW, MUL, BIAS, LEFT };

struct args {
    ptrdiff_t ld_acc, ld_out;
    int m, n, left;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_requant_fn *)fn)(p[ACC], a->ld_acc, p[OUT], a->ld_out, p[ROW], a->left ? p[LEFT] : NULL, p[MUL], p[BIAS],
                            a->m, a->n);
}

static void one(struct check *t, int m, int n, enum check_fill fill, int bits, int kind, enum check_fill column)
{
    struct args a = {n + check_param(t, 0, 20), n + check_param(t, 0, 20), m, n,
                     t->bench ? 0 : (int)rng_between(&t->rng, 0, 1)};
    check_buf(t, ACC, "acc", CHECK_IN, sizeof(int32_t), m, n, a.ld_acc);
    check_fill(t, ACC, fill, -((int64_t)1 << bits), ((int64_t)1 << bits) - 1);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int16_t), m, n, a.ld_out);
    scale_rows(t, ROW, m, kind);
    check_buf(t, MUL, "mul", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, MUL, column, 0, 32767);
    check_buf(t, BIAS, "bias", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, BIAS, column, -32767, 32767);
    check_buf(t, LEFT, "left", CHECK_IN, sizeof(int32_t), 1, n, n);
    check_fill(t, LEFT, column, 0, 15);
    t->work = (double)m * n;
    if (!check_run(t, call, &a, "m=%d n=%d ld=%td,%td fill=%s bits=%d scales=%d mul=%s", m, n, a.ld_acc, a.ld_out,
                   check_fill_name(fill), bits, kind, check_fill_name(column)) ||
        t->bench)
        return;
    const int16_t *out = check_expected(t, OUT);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            check_that(t, out[i * a.ld_out + j] != -32768, "m=%d n=%d: out is -32768", m, n);
}

void check_requant(struct check *t)
{
    static const enum check_fill columns[] = {FILL_RANDOM, FILL_MAX, FILL_EDGES, FILL_MIN, FILL_ALTERNATE};
    if (t->bench) {
        one(t, 16, 256, FILL_RANDOM, 24, 5, FILL_RANDOM);
        one(t, 16, 768, FILL_RANDOM, 24, 5, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int kind = 0; kind < N_SCALE_KINDS; kind += t->quick ? 2 : 1)
                one(t, 1 + (k + kind) % 5, n, (enum check_fill)fill, kind < 4 ? 31 : 24, kind, columns[(k + fill) % 5]);
    check_group(t, "tokens");
    for (int k = 0, m; (m = check_size(t, k, 70, 0)) > 0; k++)
        for (int i = 0; i < (t->quick ? 1 : 5); i++)
            one(t, m, (int)rng_between(&t->rng, 1, 100), FILL_EDGES, (int)rng_between(&t->rng, 8, 31), 3 + i % 3,
                columns[i]);
}
