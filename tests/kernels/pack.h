/* What the tests of pack_k and pack_v share: the shapes of one head in a row of all heads, and the scales. */
#ifndef TESTS_KERNELS_PACK_H
#define TESTS_KERNELS_PACK_H

#include "tests/kernels/check.h"

enum { PACK_X, PACK_B };

struct pack_args {
    struct tern_s8_scale scale;
    ptrdiff_t ld;
    int m, n;
};

/* The scale's amax may be larger than what the head holds: it is the maximum over all tokens of a text. */
static inline void pack_one(struct check *t, check_call *call, size_t (*bytes)(int m, int n), int m, int n, int gap,
                            int amax, enum check_fill fill)
{
    struct pack_args a = {tern_s8_scale_of(amax), n + gap, m, n};
    check_buf(t, PACK_X, "x", CHECK_IN, sizeof(int16_t), m, n, a.ld);
    check_fill(t, PACK_X, fill, -amax, amax);
    int size = (int)bytes(m, n);
    check_buf(t, PACK_B, "b", CHECK_OUT, 1, 1, size, size);
    t->work = (double)m * n;
    if (!check_run(t, call, &a, "m=%d n=%d ld=%td amax=%d fill=%s", m, n, a.ld, amax, check_fill_name(fill)))
        return;
    const int8_t *b = check_expected(t, PACK_B);
    for (int i = 0; i < size; i++)
        check_that(t, b[i] != -128, "m=%d n=%d amax=%d: b[%d] is -128", m, n, amax, i);
}

static inline int pack_amax(struct check *t)
{
    return rng_next(&t->rng) >> 62 ? check_param(t, 0, 32767) : 1 << rng_between(&t->rng, 0, 14);
}

static inline void pack_check(struct check *t, check_call *call, size_t (*bytes)(int m, int n))
{
    static const int heads[] = {22, 26, 32, 64};
    if (t->bench) {
        pack_one(t, call, bytes, 128, 32, 224, 5000, FILL_RANDOM);
        pack_one(t, call, bytes, 128, 64, 704, 5000, FILL_RANDOM);
        return;
    }
    check_group(t, "heads");
    for (int h = 0; h < 4; h++)
        for (int k = 0, m; (m = check_size(t, k, 70, 0)) > 0; k++)
            for (int fill = 0; fill < N_FILLS; fill += (m > 70 || t->quick) ? 3 : 1)
                pack_one(t, call, bytes, m, heads[h], (int)rng_between(&t->rng, 0, 3) * heads[h], pack_amax(t),
                         (enum check_fill)fill);
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int m = 1; m <= 21; m += t->quick || n > CHECK_TAIL ? 5 : 1)
            pack_one(t, call, bytes, m, n, check_param(t, 0, 20), pack_amax(t), FILL_RANDOM);
    check_group(t, "scales");
    for (int i = 0; i < (t->quick ? 200 : 3000); i++)
        pack_one(t, call, bytes, (int)rng_between(&t->rng, 1, 9), (int)rng_between(&t->rng, 1, 40), 0, pack_amax(t),
                 (enum check_fill)rng_between(&t->rng, 0, N_FILLS - 1));
}

#endif
