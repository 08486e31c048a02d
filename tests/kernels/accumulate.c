/* Cases for the op accumulate: sizes, fills and shifts, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { S, SUM };

struct args {
    int down, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_accumulate_fn *)fn)(p[S], p[SUM], a->down, a->n);
}

static void one(struct check *t, int n, int down, enum check_fill fill)
{
    const struct args a = {down, n};
    check_buf(t, S, "s", CHECK_INOUT, sizeof(int32_t), 1, n, n);
    check_fill(t, S, fill, INT32_MIN, INT32_MAX);
    check_buf(t, SUM, "sum", CHECK_IN, sizeof(int32_t), 1, n, n);
    check_fill(t, SUM, fill == FILL_RANDOM ? FILL_EDGES : FILL_RANDOM, INT32_MIN, INT32_MAX);
    t->work = n;
    check_run(t, call, &a, "n=%d down=%d fill=%s", n, down, check_fill_name(fill));
}

void check_accumulate(struct check *t)
{
    if (t->bench) {
        one(t, 768, 1, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, n, check_param(t, 0, 31), (enum check_fill)fill);
    check_group(t, "shifts");
    for (int down = 0; down < 32; down++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, 45, down, (enum check_fill)fill);
}
