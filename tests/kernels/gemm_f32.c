/* Cases for the op gemm_f32. Kernels may sum in any order: a result passes within the error bound of its products. */
#include "tests/kernels/floats.h"

#include <float.h>
#include <stdlib.h>

enum { A, W, BIAS, C };
enum { MOST = 128 * 1024 };

struct args {
    ptrdiff_t ld_a, ld_w, ld_c;
    int m, n, k, biased;
};

/* Per element: the sum in double, and how far a float sum in any order may be from it. */
static double exact[MOST], bound[MOST];

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_gemm_f32_fn *)fn)(p[A], a->ld_a, p[W], a->ld_w, a->biased ? p[BIAS] : NULL, p[C], a->ld_c, a->m, a->n, a->k);
}

static int near(const void *args, size_t i, size_t j, const void *got)
{
    const struct args *a = args;
    size_t at = i * (size_t)a->n + j;
    return fabs((double)*(const float *)got - exact[at]) <= bound[at];
}

/* Any order of summation, fused or not, of k products and a bias is within k * u / (1 - k * u) of the sum of their
   magnitudes, u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, 3.1); 2 u k covers it while k < 2^23.
 */
static void solve(const struct args *a, const float *x, const float *w, const float *bias)
{
    for (int i = 0; i < a->m; i++) {
        for (int j = 0; j < a->n; j++) {
            double sum = a->biased ? (double)bias[j] : 0, magnitude = fabs(sum);
            for (int l = 0; l < a->k; l++) {
                double product = (double)x[i * a->ld_a + l] * (double)w[j * a->ld_w + l];
                sum += product;
                magnitude += fabs(product);
            }
            exact[i * a->n + j] = sum;
            bound[i * a->n + j] = (a->k + 1) * (double)FLT_EPSILON * magnitude + a->k * (double)FLT_MIN;
        }
    }
}

static void one(struct check *t, int m, int n, int k, int gap, enum check_fill fill)
{
    struct args a = {k + gap, k + gap / 2, n + gap, m, n, k, (int)rng_between(&t->rng, 0, 1)};
    float *x = check_buf(t, A, "a", CHECK_IN, sizeof(float), m, k, a.ld_a);
    fill_floats(t, A, x, fill, 2);
    float *w = check_buf(t, W, "w", CHECK_IN, sizeof(float), n, k, a.ld_w);
    fill_floats(t, W, w, fill == FILL_RANDOM ? FILL_EDGES : FILL_RANDOM, 2);
    float *bias = check_buf(t, BIAS, "bias", CHECK_IN, sizeof(float), 1, n, n);
    fill_floats(t, BIAS, bias, fill, 2);
    check_buf(t, C, "c", CHECK_OUT, sizeof(float), m, n, a.ld_c);
    if (!t->bench)
        solve(&a, x, w, bias);
    t->near = near;
    t->work = 2.0 * m * n * k;
    t->work_gops = 1;
    check_run(t, call, &a, "m=%d n=%d k=%d ld=%td,%td,%td bias=%d fill=%s", m, n, k, a.ld_a, a.ld_w, a.ld_c, a.biased,
              check_fill_name(fill));
}

void check_gemm_f32(struct check *t)
{
    if (t->bench) {
        for (int m = 1; m <= 128; m *= 2)
            one(t, m, 96, 768, 0, FILL_RANDOM);
        one(t, 24, 96, 768, 0, FILL_RANDOM);
        one(t, 128, 128, 32, 0, FILL_RANDOM);
        one(t, 128, 32, 128, 0, FILL_RANDOM);
        one(t, 128, 128, 64, 0, FILL_RANDOM);
        one(t, 128, 64, 128, 0, FILL_RANDOM);
        one(t, 128, 768, 768, 0, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int i = 0, k; (k = check_size(t, i, 35, 1)) > 0 && k <= 768; i++)
        for (int m = 1; m <= 13; m += t->quick || k > 35 ? 3 : 1)
            for (int n = 1; n <= 35; n += t->quick || k > 35 ? 5 : 2)
                one(t, m, n, k, check_param(t, 0, 9), (enum check_fill)rng_between(&t->rng, 0, N_FILLS - 1));
    check_group(t, "realistic");
    one(t, 17, 264, 264, 0, FILL_RANDOM);
    one(t, 5, 312, 1200, 0, FILL_RANDOM);
    if (!t->quick) {
        one(t, 70, 256, 256, 8, FILL_RANDOM);
        one(t, 9, 768, 768, 0, FILL_EDGES);
        one(t, 3, 300, 3072, 1, FILL_ALTERNATE);
    }
}
