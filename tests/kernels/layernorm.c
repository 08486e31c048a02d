/* Cases for the op layernorm: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { S, GAMMA, BETA, Y, X };

struct args {
    uint64_t eps;
    ptrdiff_t ld, ld_x;
    int rms, m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_layernorm_fn *)fn)(p[S], a->ld, p[GAMMA], p[BETA], a->eps, a->rms, p[Y], p[X], a->ld_x, a->m, a->n);
}

/* s within 2^bits around zero, or up to one end of int32: then the sum needs 64 bits. */
static void one(struct check *t, int m, int n, enum check_fill fill, int bits, enum check_fill affine, uint64_t eps)
{
    int64_t range = (int64_t)1 << bits, lo = -range;
    switch (rng_next(&t->rng) >> 62) {
    case 0: lo = INT32_MIN; break;
    case 1: lo = (int64_t)INT32_MAX - 2 * range + 1; break;
    }
    const int gap = m > 1 ? (int)rng_between(&t->rng, 0, 9) : 0;
    const struct args a = {eps, n + gap, n + 2 * gap, !t->bench && rng_next(&t->rng) >> 62 == 0, m, n};
    check_buf(t, S, "s", CHECK_IN, sizeof(int32_t), m, n, a.ld);
    check_fill(t, S, fill, lo, lo + 2 * range - 1);
    check_buf(t, GAMMA, "gamma", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, GAMMA, affine, -32767, 32767);
    check_buf(t, BETA, "beta", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, BETA, affine, -32767, 32767);
    check_buf(t, Y, "y", CHECK_OUT, sizeof(int16_t), m, n, a.ld);
    check_buf(t, X, "x", CHECK_OUT, sizeof(int16_t), m, n, a.ld_x);
    t->work = m * n;
    if (!check_run(t, call, &a, "m=%d n=%d fill=%s from %lld, bits=%d gamma=%s eps=%llu rms=%d", m, n,
                   check_fill_name(fill), (long long)lo, bits, check_fill_name(affine), (unsigned long long)eps,
                   a.rms) ||
        t->bench)
        return;
    const int16_t *y = check_expected(t, Y), *x = check_expected(t, X);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            check_that(t, y[i * a.ld + j] != -32768 && x[i * a.ld_x + j] != -32768, "n=%d: -32768", n);
}

/* 2^62 is where tern_layernorm_scale_of cuts an eps that is scaled up. */
static uint64_t some_eps(struct check *t)
{
    switch (rng_next(&t->rng) >> 61) {
    case 0: return 0;
    case 1: return 1;
    case 2: return 1ull << 62;
    default: return (rng_next(&t->rng) >> 1) >> rng_between(&t->rng, 1, 62);
    }
}

void check_layernorm(struct check *t)
{
    static const enum check_fill affine[] = {FILL_RANDOM, FILL_MIN, FILL_MAX, FILL_ALTERNATE, FILL_ZERO, FILL_EDGES};
    if (t->bench) {
        one(t, 1, 768, FILL_RANDOM, 24, FILL_RANDOM, 1000);
        one(t, 8, 256, FILL_RANDOM, 24, FILL_RANDOM, 1000);
        one(t, 8, 768, FILL_RANDOM, 24, FILL_RANDOM, 1000);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int i = 0; i < 6; i += t->quick ? 3 : 1)
                one(t, i ? 1 : (int)rng_between(&t->rng, 2, 9), n, (enum check_fill)fill,
                    (int)rng_between(&t->rng, 3, 31), affine[(i + k) % 6], some_eps(t));
    /* d from one bit to wrapping: every shift of d16, to the left and to the right. */
    check_group(t, "scales");
    for (int bits = 0; bits <= 31; bits++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int i = 0; i < (t->quick ? 2 : 8); i++)
                one(t, (int)rng_between(&t->rng, 1, 3), (int)rng_between(&t->rng, 1, 70), (enum check_fill)fill, bits,
                    FILL_RANDOM, some_eps(t));
    check_group(t, "longest");
    for (int fill = 0; fill < N_FILLS; fill++)
        for (int n = 8189; n <= 8192; n += 3)
            one(t, 1, n, (enum check_fill)fill, 31, FILL_EDGES, some_eps(t));
}
