/* Cases for the op pack_t: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { X, B, SUM };

struct args {
    struct tern_s8_scale scale;
    ptrdiff_t ld_x, ld_b;
    int m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_pack_t_fn *)fn)(p[X], a->ld_x, a->scale, p[B], a->ld_b, p[SUM], a->m, a->n);
}

static void one(struct check *t, int m, int n, int amax, enum check_fill fill)
{
    const int padded = tern_round_up(m, TERN_PANEL_K);
    const struct args a = {tern_s8_scale_of(amax), n + check_param(t, 0, 20), padded + check_param(t, 0, 20), m, n};
    int16_t *const x = check_buf(t, X, "x", CHECK_IN, sizeof(int16_t), m, n, a.ld_x);
    check_fill(t, X, fill, -amax, amax);
    check_buf(t, B, "b", CHECK_OUT, 1, n, padded, a.ld_b);
    int32_t *const sum = check_buf(t, SUM, "sum", CHECK_INOUT, sizeof(int32_t), 1, n, n);
    check_fill(t, SUM, FILL_EDGES, -(1 << 30), 1 << 30);
    t->work = (double)m * n;
    if (!check_run(t, call, &a, "m=%d n=%d ld=%td,%td amax=%d fill=%s", m, n, a.ld_x, a.ld_b, amax,
                   check_fill_name(fill)) ||
        t->bench)
        return;
    const int8_t *b = check_expected(t, B);
    const int32_t *total = check_expected(t, SUM);
    for (int j = 0; j < n; j++) {
        int32_t all = sum[j];
        for (int i = 0; i < m; i++) {
            all += b[j * a.ld_b + i];
            check_that(t, b[j * a.ld_b + i] == tern_to_s8(x[i * a.ld_x + j], a.scale), "m=%d n=%d: token %d of row %d",
                       m, n, i, j);
        }
        check_that(t, all == total[j], "m=%d n=%d: the sum of row %d is %d", m, n, j, total[j]);
    }
}

static int any_amax(struct check *t)
{
    return rng_next(&t->rng) >> 62 ? check_param(t, 0, 32767) : 1 << rng_between(&t->rng, 0, 14);
}

void check_pack_t(struct check *t)
{
    static const int heads[] = {12, 32, 64, 128};
    if (t->bench) {
        one(t, 256, 64, 5000, FILL_RANDOM);
        return;
    }
    check_group(t, "heads");
    for (int h = 0; h < 4; h++)
        for (int k = 0, m; (m = check_size(t, k, 70, 0)) > 0; k++)
            for (int fill = 0; fill<N_FILLS; fill += m> 70 || t->quick ? 4 : 2)
                one(t, m, heads[h], any_amax(t), (enum check_fill)((fill + k) % N_FILLS));
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int m = 1; m <= 36; m += t->quick || n > CHECK_TAIL ? 7 : 1)
            one(t, m, n, any_amax(t), FILL_RANDOM);
    check_group(t, "blocks");
    for (int m = 250; m <= 260; m++)
        one(t, m, 33, any_amax(t), FILL_MAX);
}
