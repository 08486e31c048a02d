/* Cases for the op gate: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

#include <stdlib.h>

enum { A, B, SHIFT };

/* How a case is filled: each factor within +-most, or b with a constant. */
struct fills {
    enum check_fill a, b;
    int most_a, most_b, constant_b;
};

struct args {
    int n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    *(int32_t *)p[SHIFT] = ((tern_gate_fn *)fn)(p[A], p[B], a->n);
}

/* The shift keeps as many bits as 2^14 allows, and each element is its product with that shift. */
static void check_result(struct check *t, const int16_t *a, const int16_t *b, int n)
{
    const int16_t *out = check_expected(t, A);
    const int32_t shift = *(const int32_t *)check_expected(t, SHIFT);
    check_that(t, shift >= 0 && shift <= 16, "n=%d: the shift is %d", n, shift);
    int most = 0;
    for (int j = 0; j < n; j++) {
        most = abs(out[j]) > most ? abs(out[j]) : most;
        int64_t rest = (int64_t)a[j] * b[j] - (int64_t)out[j] * (1 << shift);
        check_that(t, 2 * llabs(rest) <= (shift ? 1 << shift : 0), "n=%d: %d * %d >> %d is %d", n, a[j], b[j], shift,
                   out[j]);
    }
    check_that(t, most <= 1 << 14 && (!shift || most >= 1 << 13), "n=%d: max is %d after a shift by %d", n, most,
               shift);
}

static void one(struct check *t, int n, const struct fills *f)
{
    struct args args = {n};
    int16_t *a = check_buf(t, A, "a", CHECK_INOUT, sizeof(int16_t), 1, n, n);
    check_fill(t, A, f->a, -f->most_a, f->most_a);
    int16_t *b = check_buf(t, B, "b", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, B, f->b, -f->most_b, f->most_b);
    for (int j = 0; f->constant_b && j < n; j++)
        b[j] = (int16_t)f->constant_b;
    check_buf(t, SHIFT, "result", CHECK_OUT, sizeof(int32_t), 1, 1, 1);
    t->work = n;
    if (check_run(t, call, &args, "n=%d fill=%s,%s most=%d,%d constant=%d", n, check_fill_name(f->a),
                  check_fill_name(f->b), f->most_a, f->most_b, f->constant_b) &&
        !t->bench)
        check_result(t, a, b, n);
}

/* One product alone decides the shift, wherever it lies: a * b around each power of two, of either sign. */
static void one_pair(struct check *t, int n, int at, int a, int b)
{
    struct args args = {n};
    int16_t *x = check_buf(t, A, "a", CHECK_INOUT, sizeof(int16_t), 1, n, n);
    int16_t *y = check_buf(t, B, "b", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, A, FILL_ZERO, 0, 0);
    check_fill(t, B, FILL_MAX, -1, 1);
    x[at] = (int16_t)a, y[at] = (int16_t)b;
    check_buf(t, SHIFT, "result", CHECK_OUT, sizeof(int32_t), 1, 1, 1);
    if (check_run(t, call, &args, "n=%d at %d: %d * %d", n, at, a, b))
        check_result(t, x, y, n);
}

static void powers(struct check *t)
{
    static const int sizes[] = {1, 9, 39, 70};
    for (int bits = 0; bits <= 29; bits++) {
        for (int i = bits > 14 ? bits - 14 : 0; i <= 14 && i <= bits; i += t->quick ? 3 : 1) {
            for (int off = -1; off <= 1; off++) {
                int a = (1 << i) + off, b = 1 << (bits - i), n = sizes[i % 4];
                one_pair(t, n, (int)rng_between(&t->rng, 0, n - 1), rng_next(&t->rng) >> 63 ? a : -a,
                         rng_next(&t->rng) >> 63 ? b : -b);
            }
        }
    }
    for (int n = 1; n <= 70; n++) {
        one_pair(t, n, n - 1, 32767, -32767);
        one_pair(t, n, n - 1, -32767, -32767);
        one_pair(t, n, n - 1, -32767, 32766);
    }
}

void check_gate(struct check *t)
{
    if (t->bench) {
        const struct fills random = {FILL_RANDOM, FILL_RANDOM, 32767, 32767, 0};
        one(t, 1152, &random);
        one(t, 3072, &random);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++) {
        for (int fill = 0; fill < N_FILLS; fill++) {
            for (int i = 0; i < (t->quick ? 2 : 4); i++) {
                const enum check_fill b = (enum check_fill)(i ? (fill + k + i) % N_FILLS : fill);
                const struct fills f = {(enum check_fill)fill, b, i & 1 ? check_param(t, 1, 32767) : 32767,
                                        i & 2 ? check_param(t, 1, 300) : 32767, 0};
                one(t, n, &f);
            }
        }
    }
    /* What is multiplied by 1 and fits 14 bits stays as it is: check_result allows a shift by 0 no rest. */
    check_group(t, "constant b");
    for (int b = 1; b <= 32768; b *= 2) {
        for (int fill = 0; fill < N_FILLS; fill++) {
            const struct fills f = {(enum check_fill)fill, FILL_ZERO, 16383, 0, b <= 16384 ? b : -32767};
            one(t, 45, &f);
        }
    }
    check_group(t, "powers");
    powers(t);
    check_group(t, "longest");
    for (int fill = 0; fill < N_FILLS; fill += t->quick ? 3 : 1) {
        for (int n = 32766; n <= 32768; n++) {
            const struct fills f = {(enum check_fill)fill, FILL_RANDOM, 32767, 32767, 0};
            one(t, n, &f);
        }
    }
}
