/* Cases for the op mix: sizes, fills and exponents, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { ACC, UNIT, Y, SUM, SHIFT };

struct args {
    struct tern_real real;
    int n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    *(int32_t *)p[SHIFT] = ((tern_mix_fn *)fn)(p[ACC], p[UNIT], p[Y], a->real, p[SUM], a->n);
}

static void one(struct check *t, int n, int exp, int most, enum check_fill fill)
{
    const struct args a = {{check_param(t, 1 << 30, INT32_MAX), exp}, n};
    const int units = tern_panels(n);
    check_buf(t, ACC, "acc", CHECK_IN, sizeof(int32_t), 1, n, n);
    check_fill(t, ACC, fill, -most, most);
    check_buf(t, UNIT, "unit", CHECK_IN, sizeof(int32_t), 1, units, units);
    check_fill(t, UNIT, fill == FILL_RANDOM ? FILL_EDGES : FILL_RANDOM, 0, 32767);
    check_buf(t, Y, "y", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, Y, fill == FILL_RANDOM ? FILL_EDGES : fill, -32767, 32767);
    check_buf(t, SUM, "sum", CHECK_OUT, sizeof(int32_t), 1, n, n);
    check_buf(t, SHIFT, "shift", CHECK_OUT, sizeof(int32_t), 1, 1, 1);
    t->work = n;
    check_run(t, call, &a, "n=%d mul=%d exp=%d most=%d fill=%s", n, a.real.mul, exp, most, check_fill_name(fill));
}

void check_mix(struct check *t)
{
    const int most = (1 << 30) - 1;
    if (t->bench) {
        one(t, 768, 22, most, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, n, check_param(t, 1, TERN_MIX_EXP), fill % 2 ? most : 3, (enum check_fill)fill);
    check_group(t, "exponents");
    for (int exp = 1; exp <= TERN_MIX_EXP; exp++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, 45, exp, most >> exp % 31, (enum check_fill)fill);
}
