/* Cases for the op gather: sizes, fills and steps between places, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

#include "tests/kernels/places.h"

enum { X, AT, OUT };

static void call(check_fn *fn, void *const *p, const void *args)
{
    ((tern_gather_fn *)fn)(p[X], p[AT], p[OUT], *(const int *)args);
}

static void one(struct check *t, int n, enum check_places places, enum check_fill fill)
{
    const int numbers = check_places(t, AT, places, n);
    check_buf(t, X, "x", CHECK_IN, sizeof(int32_t), 1, numbers, numbers);
    check_fill(t, X, fill, INT32_MIN, INT32_MAX);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int32_t), 1, n, n);
    t->work = n;
    check_run(t, call, &n, "n=%d numbers=%d fill=%s", n, numbers, check_fill_name(fill));
}

void check_gather(struct check *t)
{
    if (t->bench) {
        one(t, 512, PLACES_LOG, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 0)) > 0; k++)
        for (int places = 0; places < N_PLACES; places++) {
            one(t, n, (enum check_places)places, FILL_RANDOM);
            one(t, n, (enum check_places)places, FILL_EDGES);
        }
}
