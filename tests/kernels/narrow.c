/* Cases for the op narrow: sizes, fills and each number of bits, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { V, X, UP };

struct args {
    int n, relu;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    *(int32_t *)p[UP] = ((tern_narrow_fn *)fn)(p[V], p[X], a->relu, a->n);
}

/* The largest has 30 bits afterwards, and an element is the upper 15. */
static void check_result(struct check *t, const struct args *a)
{
    const int32_t *v = check_expected(t, V), up = *(const int32_t *)check_expected(t, UP);
    const int16_t *x = check_expected(t, X);
    int32_t most = 0;
    for (int j = 0; j < a->n; j++) {
        const int32_t magnitude = v[j] < 0 ? -v[j] : v[j];
        most = magnitude > most ? magnitude : most;
        const int64_t rest = (int64_t)x[j] * (1 << 15) - v[j];
        check_that(t, rest <= 1 << 15 && rest >= -(1 << 15) && (!a->relu || v[j] >= 0), "%d becomes %d", v[j], x[j]);
    }
    check_that(t, up < 0 ? most == 0 : tern_bits((uint32_t)most) == 30, "largest %d, up %d", most, up);
}

static void one(struct check *t, int n, int relu, enum check_fill fill, int32_t most)
{
    const struct args args = {n, relu};
    check_buf(t, V, "v", CHECK_INOUT, sizeof(int32_t), 1, n, n);
    check_fill(t, V, fill, -most, most);
    check_buf(t, X, "x", CHECK_OUT, sizeof(int16_t), 1, n, n);
    check_buf(t, UP, "result", CHECK_OUT, sizeof(int32_t), 1, 1, 1);
    t->work = n;
    if (check_run(t, call, &args, "n=%d relu=%d fill=%s most=%d", n, relu, check_fill_name(fill), most) && !t->bench)
        check_result(t, &args);
}

void check_narrow(struct check *t)
{
    if (t->bench) {
        one(t, 128, 0, FILL_RANDOM, (1 << 30) - 1);
        one(t, 512, 1, FILL_RANDOM, (1 << 30) - 1);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int relu = 0; relu < 2; relu++)
                one(t, n, relu, (enum check_fill)fill, (1 << 30) - 1);
    check_group(t, "bits");
    for (int bits = 0; bits <= 30; bits++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, 45, bits & 1, (enum check_fill)fill, (int32_t)((1u << bits) - 1));
}
