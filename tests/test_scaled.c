/* Rows of 32 bits with exponents: sums are what real numbers give, whatever the exponents, to 2^-24 of the largest of
   the terms' bounds, and nothing overflows. tests/test_zoo.c has whole models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/scaled.h"
#include "simd/table.h"
#include "tests/rng.h"

#include <math.h>
#include <string.h>

enum { N = 5, K = 64 };

static int32_t draw(struct rng *rng, int32_t most)
{
    return (int32_t)rng_between(rng, -most, most);
}

struct sums {
    int8_t x[K], w[N][K];
    int16_t mul[N], gamma[N];
    int32_t bias[N], acc[N], added[N];
    struct tern_linear linear;
    struct tern_row row;
};

static void fill(struct sums *s, struct rng *rng, int kind)
{
    *s = (struct sums){.row = {.amax = kind == 3 ? 0 : 1 + (int32_t)(rng_next(rng) % 32767)}};
    s->linear = (struct tern_linear){.mul = s->mul,
                                     .bias32 = s->bias,
                                     .gamma = kind == 1 ? NULL : s->gamma,
                                     .kappa = {(1 << 30) + draw(rng, 1000) + 1000, 30 + draw(rng, 60)},
                                     .n = N,
                                     .k = K,
                                     .bias_exp = draw(rng, 40),
                                     .gamma_exp = draw(rng, 40)};
    for (int k = 0; k < K; k++) {
        s->x[k] = (int8_t)(kind == 3 ? 0 : kind == 2 ? 127 : draw(rng, 127));
        s->row.norm2 += s->x[k] * s->x[k];
    }
    for (int j = 0; j < N; j++) {
        int32_t norm2 = 0;
        for (int k = 0; k < K; k++) {
            s->w[j][k] = (int8_t)(kind == 2 ? 127 : draw(rng, 127));
            s->acc[j] += s->x[k] * s->w[j][k];
            norm2 += s->w[j][k] * s->w[j][k];
        }
        s->linear.wnorm2 = norm2 > s->linear.wnorm2 ? norm2 : s->linear.wnorm2;
        s->mul[j] = (int16_t)(kind == 2 ? 32767 : rng_next(rng) % 32768);
        s->gamma[j] = (int16_t)(kind == 2 ? 32767 : draw(rng, 32767));
        s->bias[j] = kind == 2 ? 1 << 29 : draw(rng, 1 << 29);
        s->added[j] = kind == 2 ? (1 << 30) - 1 : draw(rng, (1 << 30) - 1);
    }
}

static void test_sums(void **state)
{
    struct rng rng = {1};
    (void)state;
    for (int trial = 0; trial < 20000; trial++) {
        struct sums s;
        int32_t out[N];
        fill(&s, &rng, trial % 4);
        const int exp = draw(&rng, 50), exp_added = draw(&rng, 50), none = trial % 5 == 0;
        const struct tern_scaled_scale scale = tern_scaled_scale_of(&s.linear, s.row, exp, exp_added, !none);
        memcpy(out, s.added, sizeof out);
        tern_scaled_ref(s.acc, out, s.mul, s.linear.gamma, s.bias, &scale, N);
        const double kappa = ldexp(s.linear.kappa.mul, exp - 15 - s.linear.kappa.exp) * s.row.amax;
        for (int j = 0; j < N; j++) {
            const double gamma = s.linear.gamma ? ldexp(s.gamma[j], s.linear.gamma_exp) : 1;
            const double sum = kappa * s.acc[j] * s.mul[j] + ldexp(s.bias[j], s.linear.bias_exp) +
                               (none ? 0 : ldexp(s.added[j], exp_added) * gamma);
            assert_true(fabs(ldexp(out[j], scale.exp) - sum) <= ldexp(1, scale.exp + 3));
            assert_true(out[j] <= 1 << 30 && out[j] >= -(1 << 30));
        }
    }
}

static void test_rows(void **state)
{
    int32_t v[3] = {0, 0, 0};
    int16_t x[3];
    (void)state;
    assert_int_equal(tern_narrowed(7, tern_narrow_ref(v, x, 0, 3)), TERN_SCALED_ZERO);
    v[1] = -3;
    v[2] = 1;
    assert_int_equal(tern_narrowed(7, tern_narrow_ref(v, x, 0, 3)), 7 - 28);
    assert_int_equal(v[1], -3 * (1 << 28));
    assert_int_equal(x[1], -3 * (1 << 13));
    tern_scaled_shift(v, x, 1 << 25, 3);
    assert_int_equal(x[0] | x[1] | x[2], 0);
    v[0] = (1 << 30) - 1;
    v[1] = -v[0];
    assert_int_equal(tern_narrow_ref(v, x, 0, 3), 0);
    assert_int_equal(x[0], 32767); /* 32768 is no int16 */
    assert_int_equal(x[1], -32767);
    assert_int_equal(tern_narrow_ref(v + 1, x, 1, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums), cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
