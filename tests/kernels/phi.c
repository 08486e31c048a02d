/* Cases for the op phi: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

#include <math.h>

enum { X };

struct args {
    ptrdiff_t ld;
    int m, n;
    struct tern_phi map;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_phi_fn *)fn)(p[X], a->ld, &a->map, a->m, a->n);
}

static void one(struct check *t, int m, int n, int most, enum check_fill fill, const struct tern_phi *map)
{
    const struct args a = {n + check_param(t, 0, 20), m, n, *map};
    check_buf(t, X, "x", CHECK_INOUT, sizeof(int16_t), m, n, a.ld);
    check_fill(t, X, fill, -most, most);
    t->work = (double)m * n;
    if (!check_run(t, call, &a, "m=%d n=%d ld=%td most=%d fill=%s", m, n, a.ld, most, check_fill_name(fill)) ||
        t->bench)
        return;
    const int16_t *out = check_expected(t, X);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            check_that(t, out[i * a.ld + j] >= map->least, "m=%d n=%d: %d is below %d", m, n, out[i * a.ld + j],
                       map->least);
}

/* Any map that the contract allows for numbers within +-most. */
static struct tern_phi any_map(struct check *t, int most)
{
    struct tern_phi f = {.up = (int16_t)check_param(t, 0, 15 - tern_bits((uint64_t)most)),
                         .one = (int16_t)check_param(t, 0, 16384),
                         .shift = (int16_t)check_param(t, 0, 14),
                         .octaves = (int16_t)check_param(t, 0, 32767),
                         .top = (int16_t)check_param(t, 0, 32767),
                         .least = (int16_t)check_param(t, 0, 1)};
    f.mul = (int16_t)check_param(t, 0, 32767 - f.one);
    f.limit = (int16_t)check_param(t, 0, 32767 >> f.shift);
    return f;
}

/* elu(x) + 1 of all int16 numbers of a unit of 1/1024: within the unit's half and exp's error. */
static void check_elu(struct check *t)
{
    enum { N = 65535 };
    const struct tern_phi map = {.mul = 1 << 14,
                                 .one = 512,
                                 .limit = 32767 >> 1,
                                 .shift = 1,
                                 .octaves = 23637,
                                 .top = 516,
                                 .least = 1}; /* out in 1/512; 1024 / ln 2 / 1024 octaves in 2^-14 */
    const struct args a = {N, 1, N, map};
    int16_t *x = check_buf(t, X, "x", CHECK_INOUT, sizeof(int16_t), 1, N, N);
    for (int j = 0; j < N; j++)
        x[j] = (int16_t)(j - 32767);
    if (!check_run(t, call, &a, "all numbers"))
        return;
    const int16_t *out = check_expected(t, X);
    for (int j = 0; j < N; j++) {
        const double v = (j - 32767) / 1024.0, elu = v < 0 ? exp(v) : v + 1;
        check_that(t, fabs(out[j] / 512.0 - elu) <= 2.0 / 512, "elu(%g) + 1 is %g", v, out[j] / 512.0);
    }
}

void check_phi(struct check *t)
{
    static const struct tern_phi relu = {.up = 1, .mul = 32767};
    if (t->bench) {
        const struct tern_phi elu = {
            .mul = 1 << 14, .one = 512, .limit = 16383, .shift = 1, .octaves = 23637, .top = 516, .least = 1};
        one(t, 128, 64, 8000, FILL_RANDOM, &elu);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++) {
        for (int fill = 0; fill < N_FILLS; fill++) {
            const int most = check_param(t, 1, 32767);
            const struct tern_phi map = any_map(t, most);
            one(t, n > CHECK_TAIL ? 1 : 1 + (k + fill) % 5, n, most, (enum check_fill)fill, &map);
        }
    }
    check_group(t, "maps");
    for (int i = 0; i < (t->quick ? 200 : 3000); i++) {
        const int most = check_param(t, 1, 32767);
        const struct tern_phi map = any_map(t, most);
        one(t, 2, 41, most, (enum check_fill)(i % N_FILLS), &map);
    }
    check_group(t, "relu");
    for (int fill = 0; fill < N_FILLS; fill++)
        one(t, 3, 64, 16383, (enum check_fill)fill, &relu);
    check_group(t, "elu");
    check_elu(t);
}
