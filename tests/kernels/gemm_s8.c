/* Cases for the op gemm_s8: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"
#include "tests/kernels/gemm.h"

enum { A, B, C };

static int most;         /* magnitude of a weight */
static int most_a = 127; /* and of an activation */

struct args {
    ptrdiff_t ld_a, ld_c;
    int m, panels, k4;
    struct tern_ahead ahead;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_gemm_s8_fn *)fn)(p[A], a->ld_a, p[B], p[C], a->ld_c, a->m, a->panels, a->k4, a->ahead);
}

static void one(struct check *t, int m, int panels, int k4, int gap, enum check_fill a_fill, enum check_fill b_fill)
{
    int k = k4 * TERN_PANEL_K, n = panels * TERN_PANEL;
    /* As a matrix that goes on, or with nothing to come; or with what is no memory of ours. */
    static const struct tern_ahead hints[] = {
        {NULL, 0}, {(const void *)64, 1 << 20}, {(const void *)(UINTPTR_MAX / 4 * 3), 64}};
    struct args a = {k + gap, n + gap, m, panels, k4, hints[rng_between(&t->rng, 0, 2)]};
    check_buf(t, A, "a", CHECK_IN, 1, m, k, a.ld_a);
    check_fill(t, A, a_fill, -most_a, most_a);
    check_buf(t, B, "b", CHECK_IN, 1, 1, n * k, n * k);
    check_fill(t, B, b_fill, -most, most);
    check_buf(t, C, "c", CHECK_OUT, sizeof(int32_t), m, n, a.ld_c);
    t->work = 2.0 * m * n * k;
    t->work_gops = 1;
    check_run(t, call, &a, "m=%d panels=%d k4=%d ld=%td,%td a=%s b=%s", m, panels, k4, a.ld_a, a.ld_c,
              check_fill_name(a_fill), check_fill_name(b_fill));
}

/* Every k4 up to two AMX tiles' depth, every m up to two tiles' rows; panels as a kernel may block them. */
static void sizes(struct check *t)
{
    for (int k4 = 1; k4 <= 35; k4 += t->quick && k4 > 4 ? 5 : 1)
        for (int m = 1; m <= 34; m += t->quick && m > 4 ? 7 : 1)
            for (int panels = 1; panels <= 7; panels += t->quick && m > 8 ? 3 : 1)
                one(t, m, panels, k4, check_param(t, 0, 19), FILL_RANDOM, FILL_RANDOM);
    for (int m = 35; m <= 70; m += t->quick ? 17 : 1)
        one(t, m, 1 + m % 5, 1 + m % 35, m % 3, FILL_RANDOM, FILL_RANDOM);
    for (int panels = 8; panels <= 34; panels += t->quick ? 9 : 1)
        one(t, 1 + panels % 7, panels, 1 + panels % 5, panels % 3, FILL_RANDOM, FILL_RANDOM);
    static const int deep[] = {47, 48, 49, 63, 64, 65, 66, 79, 95, 97, 127, 128, 129, 191, 193, 255, 257};
    for (int i = 0; i < 17; i += t->quick ? 4 : 1)
        for (int m = 1; m <= 19; m += 3)
            one(t, m, 1 + (i + m) % 4, deep[i], i, FILL_RANDOM, FILL_EDGES);
}

static void fills(struct check *t)
{
    for (int a = 0; a < N_FILLS; a++)
        for (int b = 0; b < N_FILLS; b++)
            for (int m = 1; m <= 18; m += t->quick ? 16 : m == 1 ? 4 : 6)
                one(t, m, 1 + (m & 3), (int)rng_between(&t->rng, 1, 40), (int)rng_between(&t->rng, 0, 1),
                    (enum check_fill)a, (enum check_fill)b);
}

/* Activations about which sums of 12, 8, 6, 4, 3 and 2 products stop to fit 16 bits, with the largest weights: kernels
   that add so many before they widen must see it. */
static void chains(struct check *t)
{
    static const int magnitudes[] = {1, 16, 21, 22, 32, 33, 42, 43, 44, 63, 64, 65, 84, 85, 86, 87, 126, 127};
    enum { MAGNITUDES = sizeof magnitudes / sizeof *magnitudes };
    static const enum check_fill fills[] = {FILL_MAX, FILL_MIN, FILL_RANDOM, FILL_EDGES};
    for (int i = 0; i < MAGNITUDES; i++)
        for (int fill = 0; fill < 4; fill++)
            for (int m = 1; m <= 5; m += t->quick ? 2 : 1) {
                most_a = magnitudes[i];
                one(t, m, (i % 4 == 3 ? 8 : 1) + i % 3, 8 + 3 * i + m, fill, fills[fill], i % 2 ? FILL_MAX : FILL_MIN);
            }
    most_a = 127;
}

/* Rows of which a kernel may treat a few steps apart, by weights with which sums come to the ends of 16 bits: every m
   up to two blocks of rows, of some depths, and some widths. */
static void peaked(struct check *t)
{
    static const int k4[] = {1, 2, 3, 7, 9, 16, 31, 96, 127, 128, 129, 200, 255, 385};
    static const enum check_fill a[] = {FILL_PEAKED, FILL_PEAKED, FILL_RANDOM};
    static const enum check_fill b[] = {FILL_EDGES, FILL_MAX, FILL_MIN, FILL_RANDOM};
    for (int i = 0; i < 14; i++)
        for (int m = 1; m <= 74; m += t->quick || m > 13 ? 5 : 1)
            one(t, m, ((i + m) & 1 ? 1 : 8) + (i + m) % 3, k4[i], m % 3, a[(i + m) % 3], b[(m + i / 2) % 4]);
}

/* 4 * k4 = 133,144 is the longest sum that an int32 holds whatever the values. */
static void longest(struct check *t)
{
    enum { K4 = 133144 / TERN_PANEL_K };
    _Static_assert(127LL * 127 * K4 * TERN_PANEL_K <= INT32_MAX, "the contract's bound");
    one(t, 1, 1, K4, 0, FILL_MAX, FILL_MAX);
    one(t, 3, 1, K4, 0, FILL_MIN, FILL_MAX);
    one(t, 2, 1, K4 - 1, 1, FILL_ALTERNATE, FILL_ALTERNATE);
}

static void realistic(struct check *t)
{
    static const struct {
        int m, n, k;
    } shapes[] = {{17, 264, 264}, {1, 768, 768},  {70, 32, 312},   {33, 70, 22},   {64, 70, 26},  {70, 64, 128},
                  {1, 3072, 768}, {70, 256, 256}, {128, 312, 312}, {5, 3072, 768}, {6, 768, 3072}};
    for (int i = 0; i < (t->quick ? 7 : 11); i++)
        one(t, shapes[i].m, tern_panels(shapes[i].n), tern_k4(shapes[i].k), i & 1 ? 0 : 12, FILL_RANDOM, FILL_RANDOM);
}

void check_gemm(struct check *t, int bound)
{
    most = bound;
    if (t->bench) {
        static const struct {
            int m, n, k;
        } shapes[] = {{1, 768, 768},    {16, 768, 768},  {128, 768, 768}, {128, 3072, 768},
                      {128, 768, 3072}, {128, 256, 256}, {128, 128, 32},  {128, 32, 128}};
        for (int i = 0; i < 8; i++)
            one(t, shapes[i].m, tern_panels(shapes[i].n), tern_k4(shapes[i].k), 0, FILL_PEAKED, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    sizes(t);
    check_group(t, "fills");
    fills(t);
    check_group(t, "chains in 16 bits");
    chains(t);
    check_group(t, "peaked");
    peaked(t);
    check_group(t, "longest sum");
    longest(t);
    check_group(t, "realistic");
    realistic(t);
}

void check_gemm_s8(struct check *t)
{
    check_gemm(t, 127);
}
