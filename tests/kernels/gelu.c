/* Cases for the op gelu: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/poly.h"

enum { Y, POLY };

struct args {
    int n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_gelu_fn *)fn)(p[Y], p[POLY], a->n);
}

static void one(struct check *t, int n, enum check_fill fill, int kind, int all)
{
    struct args a = {n};
    struct tern_poly *poly =
        check_buf(t, POLY, "poly", CHECK_IN, sizeof(int16_t), 1, sizeof *poly / 2, sizeof *poly / 2);
    *poly = poly_make(t, kind);
    int16_t *y = check_buf(t, Y, "y", CHECK_INOUT, sizeof(int16_t), 1, n, n);
    check_fill(t, Y, fill, -32767, 32767);
    for (int j = 0; all && j < n; j++)
        y[j] = (int16_t)(j - 32767);
    t->work = n;
    if (!check_run(t, call, &a, "n=%d fill=%s limit=%d shift=%d mul=%d out=%d c7=%d", n,
                   all ? "every value" : check_fill_name(fill), poly->limit, poly->shift, poly->mul, poly->out,
                   poly->c[7]) ||
        t->bench)
        return;
    const int16_t *out = check_expected(t, Y);
    for (int j = 0; j < n; j++)
        check_that(t, out[j] != -32768, "n=%d: -32768 at %d", n, j);
    /* With all coefficients 0 the op is ReLU. */
    for (int j = 0; kind == 0 && j < n; j++)
        check_that(t, out[j] == tern_max16(y[j], 0), "n=%d: relu(%d) is %d", n, y[j], out[j]);
}

void check_gelu(struct check *t)
{
    if (t->bench) {
        one(t, 1024, FILL_RANDOM, 5, 0);
        one(t, 3072, FILL_RANDOM, 5, 0);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int kind = 0; kind < N_POLY_KINDS; kind += 2)
                one(t, n, (enum check_fill)fill, kind + (k & 1), 0);
    check_group(t, "every value");
    for (int kind = 0; kind < (t->quick ? N_POLY_KINDS : 5 * N_POLY_KINDS); kind++)
        one(t, 65535, FILL_ZERO, kind % N_POLY_KINDS, 1);
}
