/* Cases for the op embed: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { A, B, COLUMN, OUT };

struct args {
    int mul_a, mul_b, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_embed_fn *)fn)(p[A], p[B], a->mul_a, a->mul_b, p[COLUMN], p[OUT], a->n);
}

static void one(struct check *t, int n, enum check_fill fill, enum check_fill column, int mul_a, int mul_b)
{
    struct args a = {mul_a, mul_b, n};
    check_buf(t, A, "a", CHECK_IN, 1, 1, n, n);
    check_fill(t, A, fill, -127, 127);
    check_buf(t, B, "b", CHECK_IN, 1, 1, n, n);
    check_fill(t, B, fill, -127, 127);
    check_buf(t, COLUMN, "column", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, COLUMN, column, 0, 32767);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int32_t), 1, n, n);
    t->work = n;
    check_run(t, call, &a, "n=%d fill=%s column=%s mul=%d,%d", n, check_fill_name(fill), check_fill_name(column), mul_a,
              mul_b);
}

void check_embed(struct check *t)
{
    static const int muls[] = {0, 1, 20000, 32766, 32767};
    static const enum check_fill columns[] = {FILL_RANDOM, FILL_MAX, FILL_ZERO, FILL_EDGES};
    if (t->bench) {
        one(t, 256, FILL_RANDOM, FILL_RANDOM, 20000, 300);
        one(t, 768, FILL_RANDOM, FILL_RANDOM, 20000, 300);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int i = 0; i < (fill == FILL_RANDOM ? 4 : 2); i++)
                one(t, n, (enum check_fill)fill, columns[i], check_param(t, 0, 32767), muls[(k + i) % 5]);
    check_group(t, "multipliers");
    for (int i = 0; i < 25; i++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, 40, (enum check_fill)fill, columns[i % 4], muls[i / 5], muls[i % 5]);
}
