/* Cases for the op softmax: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { SCORE, HIGH, LOW, SUM };

struct args {
    int shift, mul, n;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    *(int32_t *)p[SUM] = ((tern_softmax_fn *)fn)(p[SCORE], a->shift, a->mul, p[HIGH], p[LOW], a->n);
}

static void one(struct check *t, int n, enum check_fill fill, int bits, int shift, int mul)
{
    struct args a = {shift, mul, n};
    int n4 = tern_round_up(n, TERN_PANEL_K);
    const int32_t *score = check_buf(t, SCORE, "score", CHECK_IN, sizeof(int32_t), 1, n, n);
    check_fill(t, SCORE, fill, -((int64_t)1 << bits), ((int64_t)1 << bits) - 1);
    check_buf(t, HIGH, "high", CHECK_OUT, 1, 1, n4, n4);
    check_buf(t, LOW, "low", CHECK_OUT, 1, 1, n4, n4);
    check_buf(t, SUM, "result", CHECK_OUT, sizeof(int32_t), 1, 1, 1);
    t->work = n;
    if (!check_run(t, call, &a, "n=%d fill=%s bits=%d shift=%d mul=%d", n, check_fill_name(fill), bits, shift, mul) ||
        t->bench)
        return;
    const int8_t *high = check_expected(t, HIGH), *low = check_expected(t, LOW);
    int32_t sum = 0, max = 0;
    for (int j = 0; j < n; j++) {
        check_that(t, high[j] >= 0 && low[j] >= 0 && low[j] < 8, "n=%d shift=%d mul=%d: p[%d] is %d, %d", n, shift, mul,
                   j, high[j], low[j]);
        sum += 8 * high[j] + low[j];
        max = score[j] > score[max] ? j : max;
    }
    check_that(t, 8 * high[max] + low[max] == TERN_P_MAX, "n=%d shift=%d mul=%d: the largest gets %d, %d", n, shift,
               mul, high[max], low[max]);
    check_that(t, sum == *(const int32_t *)check_expected(t, SUM), "n=%d shift=%d mul=%d: sum", n, shift, mul);
}

void check_softmax(struct check *t)
{
    static const int muls[] = {0, 1, 16384, 23170, 32766, 32767};
    if (t->bench) {
        one(t, 32, FILL_RANDOM, 20, 5, 23170);
        one(t, 128, FILL_RANDOM, 20, 5, 23170);
        one(t, 512, FILL_RANDOM, 20, 5, 23170);
        return;
    }
    /* Scores whose differences use most of the 15 bits, so that exp2 is seen over its whole range. */
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 0)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int shift = -8; shift <= 16; shift += t->quick ? 8 : 3)
                one(t, n, (enum check_fill)fill, shift + 13, shift, muls[2 + (k + shift + 8) % 4]);
    check_group(t, "shifts");
    for (int shift = -8; shift <= 31; shift++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int mul = 0; mul < 6; mul++)
                for (int bits = 31; bits > 0; bits -= t->quick ? 13 : 6)
                    one(t, (int)rng_between(&t->rng, 1, 70), (enum check_fill)fill, bits, shift, muls[mul]);
}
