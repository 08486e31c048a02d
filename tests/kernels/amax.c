/* Cases for the op amax: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { X, MAX };

struct args {
    ptrdiff_t ld;
    int m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    *(int32_t *)p[MAX] = ((tern_amax_fn *)fn)(p[X], a->ld, a->m, a->n);
}

static void one(struct check *t, int m, int n, int gap, enum check_fill fill)
{
    struct args a = {n + gap, m, n};
    check_buf(t, X, "x", CHECK_IN, sizeof(int16_t), m, n, a.ld);
    check_fill(t, X, fill, -32767, 32767);
    check_buf(t, MAX, "result", CHECK_OUT, sizeof(int32_t), 1, 1, 1);
    t->work = (double)m * n;
    if (check_run(t, call, &a, "m=%d n=%d ld=%td fill=%s", m, n, a.ld, check_fill_name(fill))) {
        int32_t max = *(const int32_t *)check_expected(t, MAX);
        check_that(t, max >= 0 && max <= 32767, "m=%d n=%d: %d is out of range", m, n, max);
    }
}

void check_amax(struct check *t)
{
    if (t->bench) {
        one(t, 128, 32, 224, FILL_RANDOM);
        one(t, 128, 768, 0, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int fill = 0; fill < N_FILLS; fill++)
        for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
            for (int m = 1; m <= 5; m += fill == FILL_RANDOM ? 1 : 2)
                one(t, m, n, check_param(t, 0, 40), (enum check_fill)fill);
    check_group(t, "tokens");
    static const int heads[] = {22, 26, 32, 64};
    for (int h = 0; h < 4; h++)
        for (int k = 0, m; (m = check_size(t, k, 70, 0)) > 0; k++)
            for (int fill = FILL_ONE_HOT; fill < N_FILLS; fill += 2)
                one(t, m, heads[h], 3 * heads[h], (enum check_fill)fill);
}
