/* Cases for the op skew: sizes, fills and steps between places, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

#include "tests/kernels/places.h"

enum { X, AT, OUT };

struct args {
    ptrdiff_t ld_out;
    int m, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_skew_fn *)fn)(p[X], p[AT], p[OUT], a->ld_out, a->m, a->n);
}

static void one(struct check *t, int m, int n, enum check_places places, enum check_fill fill)
{
    const struct args a = {n + check_param(t, 0, 500), m, n};
    const int rows = check_places(t, AT, places, m + n - 1);
    check_buf(t, X, "x", CHECK_IN, sizeof(int32_t), rows, TERN_PANEL, TERN_PANEL);
    check_fill(t, X, fill, INT32_MIN, INT32_MAX);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int32_t), m, n, a.ld_out);
    t->work = (double)m * n;
    check_run(t, call, &a, "m=%d n=%d rows=%d ld=%td fill=%s", m, n, rows, a.ld_out, check_fill_name(fill));
}

void check_skew(struct check *t)
{
    if (t->bench) {
        one(t, 32, TERN_PANEL, PLACES_LOG, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int n = 1; n <= TERN_PANEL; n++)
        for (int m = 1; m <= 40; m += t->quick ? 1 + m / 4 : 1)
            for (int places = 0; places < N_PLACES; places++) {
                one(t, m, n, (enum check_places)places, FILL_RANDOM);
                one(t, m, n, (enum check_places)places, FILL_EDGES);
            }
}
