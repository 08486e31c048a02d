/* Cases for the ops dot_s8 and hamming, one vector against many: sizes, fills and extremes, for every kernel of them
   (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { Q, X, OUT };

struct args {
    ptrdiff_t ld;
    int n, k;
};

/* What differs between the two. */
struct op {
    void (*call)(check_fn *fn, void *const *p, const void *args);
    int least;   /* of a vector's bytes; the largest is 127 */
    int bench;   /* bytes of a vector that is timed; another has twice as many */
    int longest; /* bytes of the longest vector of the contract */
};

static void call_dot_s8(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_dot_s8_fn *)fn)(p[Q], p[X], a->ld, p[OUT], a->n, a->k);
}

static void call_hamming(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_hamming_fn *)fn)(p[Q], p[X], a->ld, p[OUT], a->n, a->k);
}

static void one(struct check *t, const struct op *op, int n, int k, int gap, enum check_fill q, enum check_fill x)
{
    struct args a = {k + gap, n, k};
    check_buf(t, Q, "q", CHECK_IN, 1, 1, k, k);
    check_fill(t, Q, q, op->least, 127);
    check_buf(t, X, "x", CHECK_IN, 1, n, k, a.ld);
    check_fill(t, X, x, op->least, 127);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int32_t), 1, n, n);
    t->work = (double)n * k;
    check_run(t, op->call, &a, "n=%d k=%d ld=%td fill=%s,%s", n, k, a.ld, check_fill_name(q), check_fill_name(x));
}

static void check_all(struct check *t, const struct op *op)
{
    if (t->bench) {
        one(t, op, 1024, op->bench, 0, FILL_RANDOM, FILL_RANDOM);
        one(t, op, 1024, 2 * op->bench, 0, FILL_RANDOM, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int i = 0, k; (k = check_size(t, i, CHECK_TAIL, 1)) > 0; i++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int n = 1; n <= 9; n += fill == FILL_RANDOM ? 1 : 4)
                one(t, op, n, k, check_param(t, 0, 20), (enum check_fill)((fill + i) % N_FILLS), (enum check_fill)fill);
    check_group(t, "rows");
    for (int i = 0, n; (n = check_size(t, i, 70, 0)) > 0; i++)
        for (int fill = 0; fill < N_FILLS; fill += 3)
            one(t, op, n, (int)rng_between(&t->rng, 1, 300), 0, FILL_RANDOM, (enum check_fill)fill);
    check_group(t, "longest");
    for (int k = op->longest - 1; k <= op->longest; k++) {
        one(t, op, 3, k, 0, FILL_MAX, FILL_MAX);
        one(t, op, 3, k, 0, FILL_MAX, FILL_MIN);
        one(t, op, 3, k, 0, FILL_MIN, FILL_MIN);
    }
}

/* The sums of the longest vectors come within 127^2 of an int32's end. */
void check_dot_s8(struct check *t)
{
    check_all(t, &(struct op){call_dot_s8, -127, 384, 133144});
}

/* The bits of the longest vectors, which all differ, fill each kernel's narrow sums. */
void check_hamming(struct check *t)
{
    check_all(t, &(struct op){call_hamming, -128, 48, 65536});
}
