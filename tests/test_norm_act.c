/* The references of LayerNorm, the activations and softmax against double arithmetic, within bounds that are derived
   here or printed by tests/golden/fit_poly.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/activation.h"
#include "quant/quantize_weights.h"
#include "simd/table.h"
#include "tests/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDEST = 8192 };

static double bell(struct rng *r)
{
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += (double)rng_between(r, -1000000, 1000000) / 1000000;
    return sum / 1.41;
}

/* ---- LayerNorm --------------------------------------------------------------------------------------------------- */

struct norm_case {
    int n;
    int32_t s[WIDEST];
    float gamma[WIDEST], beta[WIDEST];
    int16_t gamma16[WIDEST], beta16[WIDEST], y[WIDEST], x[WIDEST + 1];
    double d[WIDEST], exact[WIDEST]; /* the row minus its mean; its norm before gamma */
};
static struct norm_case c;

/* Runs the reference on c.s and holds it against double. `eps` in units of s squared, summed over the row. */
static void check_norm(uint64_t eps, double unit, const char *what)
{
    const int n = c.n;
    double mean = 0, norm2 = 0, amax = 0;
    memset(c.x, 0x33, sizeof c.x);
    tern_layernorm_ref(c.s, n, c.gamma16, c.beta16, eps, 0, c.y, c.x, n, 1, n);
    for (int j = 0; j < n; j++)
        mean += (double)c.s[j] / n;
    for (int j = 0; j < n; j++) {
        c.d[j] = c.s[j] - mean;
        norm2 += c.d[j] * c.d[j];
        amax = fmax(amax, fabs(c.d[j]));
    }
    /* n16, in units of 2^-15: d16 is rounded by 1/2 where the largest is at least 2^14, and so is the length's every
       part (sqrt(n) / 2 at most, of a length of at least 2^14 too); the mean is rounded by 1/2 of s; the factor has 15
       bits: 2^-15 of at most 2^15; the result is rounded by 1/2; 32768 becomes 32767. */
    const double length = sqrt(norm2 + (double)eps), per_s = length > 0 ? 32768 / length : 0;
    const double rounded = fmax(0.5, amax / 32768 * 0.5) * per_s; /* of d, by d16 or by the mean */
    double worst = 0;
    for (int j = 0; j < n; j++) {
        const double n16 = c.d[j] * per_s, g = (double)c.gamma[j] * sqrt(n) / unit, b = (double)c.beta[j] / unit;
        const double error = 2 * rounded * (1 + fabs(n16) / 32768 * sqrt(n)) + 2.5;
        /* y: gamma and beta rounded by 1/2, the product by 1/2 */
        const double y = fmax(-32767, fmin(32767, g * n16 / 32768 + b));
        const double bound = error * fabs(g) / 32768 + 1.6;
        worst = fmax(worst, fabs(c.y[j] - y) / bound);
        if (fabs(c.y[j] - y) > bound)
            fail_msg("%s, n %d, element %d: %d instead of %.2f, bound %.2f", what, n, j, c.y[j], y, bound);
        assert_true(c.y[j] >= -32767);
        if (fabs(c.x[j] - fmin(n16, 32767)) > error)
            fail_msg("%s, n %d, element %d: x %d instead of %.2f", what, n, j, c.x[j], n16);
        assert_true(c.x[j] >= -32767);
    }
    assert_int_equal(c.x[n], 0x3333);
}

static double make_affine(struct rng *r, double spread)
{
    for (int j = 0; j < c.n; j++) {
        c.gamma[j] = (float)(0.9 + 0.3 * bell(r));
        c.beta[j] = (float)(0.3 * bell(r));
        if (spread > 1 && j == c.n / 2)
            c.gamma[j] *= (float)spread;
    }
    return tern_quantize_norm(c.gamma16, c.beta16, c.gamma, c.beta, c.n, 0);
}

static void test_layernorm(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 3, 7, 16, 64, 255, 312, 768, 1024, 8191, 8192};
    static const double scales[] = {3, 100, 30000, 1e6, 3e7, 3e8};
    struct rng r = rng_seeded(1, "norms");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof scales / sizeof *scales; k++)
            for (int turn = 0; turn < 6; turn++) {
                c.n = sizes[i];
                const double unit = make_affine(&r, turn == 4 ? 50 : 1);
                const double offset = turn & 1 ? scales[k] * 2 : 0;
                for (int j = 0; j < c.n; j++) {
                    double v = turn == 2   ? (j == c.n / 3) * scales[k]
                               : turn == 3 ? (1 - 2 * (j & 1)) * scales[k]
                                           : bell(&r) * scales[k] * 0.3;
                    if (turn == 5 && j == 0)
                        v = -scales[k] * 2;
                    c.s[j] = (int32_t)lrint(fmax(-1e9, fmin(1e9, v + offset)));
                }
                check_norm(0, unit, "random");
                check_norm((uint64_t)(scales[k] * scales[k] * 0.1 * c.n), unit, "with eps");
            }
}

/* A constant row has no direction: y is beta, x nothing. Whatever eps is, and at the type's ends. */
static void test_layernorm_of_constants(void **state)
{
    (void)state;
    static const int32_t values[] = {0, 1, -1, 77, INT32_MAX, INT32_MIN, INT32_MIN + 1};
    struct rng r = rng_seeded(2, "norms");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        c.n = 30;
        make_affine(&r, 1);
        for (int j = 0; j < c.n; j++)
            c.s[j] = values[i];
        tern_layernorm_ref(c.s, c.n, c.gamma16, c.beta16, i % 2 ? 1ull << 62 : 0, 0, c.y, c.x, c.n, 1, c.n);
        for (int j = 0; j < c.n; j++) {
            assert_int_equal(c.y[j], c.beta16[j]);
            assert_int_equal(c.x[j], 0);
        }
    }
}

/* An eps that outweighs the row brings it near zero; the largest that a file may hold does. */
static void test_layernorm_eps(void **state)
{
    (void)state;
    struct rng r = rng_seeded(3, "norms");
    c.n = 64;
    const double unit = make_affine(&r, 1);
    for (int j = 0; j < c.n; j++)
        c.s[j] = (int32_t)rng_between(&r, -100, 100);
    for (int bits = 0; bits <= 62; bits++)
        check_norm(1ull << bits, unit, "eps alone");
    assert_true(tern_norm_eps(1e-12, 1e-6, 768) == 768);
    assert_true(tern_norm_eps(1e-12, 1e-3, 768) == 0);
    assert_true(tern_norm_eps(1e-5, 1e-20, 768) == 1ull << 62);
    assert_true(tern_norm_eps(0, 1, 768) == 0);
}

/* RMSNorm is LayerNorm of a row whose mean is 0, bit for bit; of other rows it is what the formula says, and a constant
   one is all 1. */
static void test_rms(void **state)
{
    (void)state;
    static int16_t y[WIDEST], x[WIDEST];
    struct rng r = rng_seeded(5, "norms");
    for (int turn = 0; turn < 300; turn++) {
        c.n = 2 * (int)rng_between(&r, 1, 500);
        make_affine(&r, 1);
        const int64_t range = (int64_t)1 << rng_between(&r, 1, 30);
        for (int j = 0; j < c.n; j += 2) {
            c.s[j] = (int32_t)rng_between(&r, 1 - range, range - 1);
            c.s[j + 1] = -c.s[j];
        }
        const uint64_t eps = turn % 3 ? (uint64_t)(range * turn) : 0;
        for (int rms = 0; rms < 2; rms++)
            tern_layernorm_ref(c.s, c.n, c.gamma16, c.beta16, eps, rms, rms ? y : c.y, rms ? x : c.x, c.n, 1, c.n);
        assert_memory_equal(y, c.y, (size_t)c.n * sizeof *y);
        assert_memory_equal(x, c.x, (size_t)c.n * sizeof *x);
        double norm2 = 0;
        for (int j = 0; j < c.n; j++) {
            c.s[j] = (int32_t)rng_between(&r, -range / 4, range - 1);
            norm2 += (double)c.s[j] * c.s[j];
        }
        tern_layernorm_ref(c.s, c.n, c.gamma16, c.beta16, 0, 1, y, x, c.n, 1, c.n);
        for (int j = 0; j < c.n && norm2 > 0; j++) /* the bounds of check_norm, of which nothing is the mean's */
            assert_true(fabs(x[j] - fmin((double)c.s[j] * 32768 / sqrt(norm2), 32767)) <= 2.5 + 1 + sqrt(c.n));
    }
    static const int32_t ends[] = {1, -1, INT32_MAX, INT32_MIN};
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 16; j++)
            c.s[j] = ends[i];
        tern_layernorm_ref(c.s, 16, c.gamma16, c.beta16, 0, 1, y, x, 16, 1, 16);
        for (int j = 0; j < 16; j++)
            assert_in_range(abs(x[j]), 8190, 8194);
    }
}

static void test_quantize_norm(void **state)
{
    (void)state;
    struct rng r = rng_seeded(4, "norms");
    for (int i = 0; i < 300; i++) {
        c.n = (int)rng_between(&r, 1, 1000);
        const double size = ldexp(1, (int)rng_between(&r, -60, 60));
        for (int j = 0; j < c.n; j++) {
            c.gamma[j] = (float)(size * bell(&r));
            c.beta[j] = (float)(size * 3 * bell(&r));
        }
        const double unit = tern_quantize_norm(c.gamma16, c.beta16, c.gamma, c.beta, c.n, 0);
        for (int j = 0; j < c.n; j++) {
            assert_true(abs(c.gamma16[j]) + abs(c.beta16[j]) <= 32768); /* y cannot saturate: |n16| is below 2^15 */
            assert_true(fabs(c.gamma16[j] - (double)c.gamma[j] * sqrt(c.n) / unit) <= 0.5001);
            assert_true(fabs(c.beta16[j] - (double)c.beta[j] / unit) <= 0.5001);
        }
    }
    memset(c.gamma, 0, sizeof c.gamma);
    memset(c.beta, 0, sizeof c.beta);
    assert_true(tern_quantize_norm(c.gamma16, c.beta16, c.gamma, c.beta, 8, 0) == 1);
    assert_int_equal(c.gamma16[3], 0);
}

/* ---- Activations ------------------------------------------------------------------------------------------------- */

static double gelu(double z)
{
    return z / 2 * (1 + erf(z / sqrt(2)));
}

static double gelu_new(double z)
{
    return z / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (z + 0.044715 * z * z * z)));
}

static double ibert(double z)
{
    const double s = fmin(fabs(z) / sqrt(2), 1.769) - 1.769;
    return z / 2 * (1 + copysign(1 - 0.2888 * s * s, z));
}

static double silu(double z)
{
    return z / (1 + exp(-z));
}

static double quick_gelu(double z)
{
    return z / (1 + exp(-1.702 * z));
}

static double relu(double z)
{
    return z > 0 ? z : 0;
}

static const struct {
    enum tern_bump bump;
    const char *name;
    double (*exact)(double);
    double error; /* of the polynomial in 16 bits, by fit_poly.py */
} activations[] = {
    {TERN_BUMP_GELU, "gelu", gelu, 2.4e-4},   {TERN_BUMP_GELU_NEW, "gelu_new", gelu_new, 2.4e-4},
    {TERN_BUMP_IBERT, "I-BERT", ibert, 1e-4}, /* a cubic with the same roots: only rounding is left */
    {TERN_BUMP_RELU, "relu", relu, 0},        {TERN_BUMP_TANH, "tanh", tanh, 7.8e-4},
    {TERN_BUMP_SILU, "silu", silu, 2.7e-3},   {TERN_BUMP_QUICK_GELU, "quick_gelu", quick_gelu, 1.2e-3},
};

static const double units[] = {1, 1.0001, 1.37, 2, 5, 17, 100, 813, 5000, 33333, 200000};

/* Every input. The value is rounded to units (1/2); D's scaling to units has its own rounding (1/2), and its domain
   ends at a whole number of units, which stretches D by up to a unit where its slope is at most 1/2. */
static void check_activation(size_t i, double unit)
{
    static int16_t y[65535];
    const int is_tanh = activations[i].bump == TERN_BUMP_TANH;
    const struct tern_poly p = tern_poly_make(activations[i].bump, unit);
    double worst = 0, bound = activations[i].error + (is_tanh ? 0.5 * unit + 2.0 / 32767 : 1.2 * unit);
    assert_true(p.limit >= 0 && p.shift >= 0 && p.shift <= 14 && p.mul >= 0 && p.out >= 0);
    assert_true(p.limit << p.shift <= 32767);
    if (activations[i].bump == TERN_BUMP_RELU)
        bound = 0;
    for (int v = -32767; v <= 32767; v++)
        y[v + 32767] = (int16_t)v;
    if (is_tanh)
        tern_tanh_ref(y, &p, 65535);
    else
        tern_gelu_ref(y, &p, 65535);
    for (int v = -32767; v <= 32767; v++) {
        const double exact = activations[i].exact(v * unit);
        const double error = fabs(y[v + 32767] * (is_tanh ? 1.0 / 32767 : unit) - exact);
        worst = fmax(worst, error);
        if (error > bound)
            fail_msg("%s of %.5f (%d units of %g): %d, off by %.2e, bound %.2e", activations[i].name, v * unit, v, unit,
                     y[v + 32767], error, bound);
    }
    printf("%-8s unit %9.2e  error %.2e  bound %.2e\n", activations[i].name, unit, worst, bound);
}

static void test_activations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        for (size_t k = 0; k < sizeof units / sizeof *units; k++)
            check_activation(i, units[k] * tern_bump_least_unit(activations[i].bump));
}

/* ---- Softmax ----------------------------------------------------------------------------------------------------- */

/* Every input, in parts of the largest value: the cubic 7e-5, the last shift cuts less than 1, three roundings 1/2. */
static void test_exp2(void **state)
{
    (void)state;
    double worst = 0;
    for (int t = 0; t <= 32767; t++) {
        const double exact = 127 * 256 * exp2(-t / 1024.0), got = tern_exp2((int16_t)t);
        worst = fmax(worst, fabs(got - exact));
        assert_true(got >= 0);
    }
    printf("exp2 off by at most %.2f of %d\n", worst, 127 * 256);
    assert_int_equal(tern_exp2(0), 127 * 256);
    assert_true(worst <= 127 * 256 * 7e-5 + 2.5);
}

static void test_softmax(void **state)
{
    (void)state;
    static int32_t score[600];
    static int8_t high[608], low[608];
    struct rng r = rng_seeded(5, "softmax");
    for (int turn = 0; turn < 4000; turn++) {
        const int n = (int)rng_between(&r, 1, turn % 10 ? 40 : 600);
        const int32_t amax_q = (int32_t)rng_between(&r, 1, 15000), amax_k = (int32_t)rng_between(&r, 1, 15000);
        const int32_t spread = (int32_t)1 << rng_between(&r, 0, 24);
        /* an octave is somewhere between a tenth of the spread and all of it */
        const double step = 1024.0 / spread * (1 + (double)rng_between(&r, 0, 9)), unit = step / amax_q / amax_k;
        if (step > 250)
            continue;
        for (int j = 0; j < n; j++)
            score[j] = (int32_t)rng_between(&r, -spread, spread);
        int32_t max = score[0], sum = 0;
        for (int j = 1; j < n; j++)
            max = score[j] > max ? score[j] : max;
        memset(high, 0x33, sizeof high);
        memset(low, 0x33, sizeof low);
        const struct tern_row_scale s = tern_score_scale(amax_q, amax_k, tern_real_of(unit));
        const int32_t returned = tern_softmax_ref(score, s.shift, s.mul, high, low, n);
        for (int j = 0; j < n; j++) {
            /* rounding 1/2; exp2 as above, 8/256 each; its argument off by 2/1024 octaves: 1016 ln 2 * 2 / 1024 */
            const double exact = TERN_P_MAX * exp2(-((double)max - score[j]) * step / 1024);
            const int p = 8 * high[j] + low[j];
            if (fabs(p - exact) > 0.5 + 5.0 / 32 + 1.44)
                fail_msg("score %d below the largest, step %g: %d instead of %.3f", max - score[j], step, p, exact);
            assert_true(high[j] >= 0 && low[j] >= 0 && low[j] < 8 && (score[j] != max || p == TERN_P_MAX));
            sum += p;
        }
        assert_int_equal(returned, sum);
        for (int j = n; j < tern_round_up(n, 4); j++)
            assert_true(high[j] == 0 && low[j] == 0);
        assert_true(high[tern_round_up(n, 4)] == 0x33 && low[tern_round_up(n, 4)] == 0x33);
    }
}

/* Scores at the type's two ends differ by more than int32 holds. */
static void test_softmax_extremes(void **state)
{
    (void)state;
    static const int32_t score[5] = {INT32_MAX, INT32_MIN, 0, INT32_MAX, INT32_MAX - 1};
    int8_t high[8], low[8];
    for (int shift = -8; shift <= 31; shift++) {
        const int32_t sum = tern_softmax_ref(score, shift, 32767, high, low, 5);
        int p[5];
        for (int j = 0; j < 5; j++)
            p[j] = 8 * high[j] + low[j];
        assert_int_equal(p[0], TERN_P_MAX);
        assert_int_equal(p[3], TERN_P_MAX);
        assert_true(shift > 17 || p[1] == 0); /* below that, the difference is over 32 octaves */
        assert_int_equal(sum, p[0] + p[1] + p[2] + p[3] + p[4]);
        assert_true(p[2] >= p[1] && p[4] >= p[2]);
        assert_int_equal(tern_softmax_ref(score, shift, 0, high, low, 5), 5 * TERN_P_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layernorm),
        cmocka_unit_test(test_layernorm_of_constants),
        cmocka_unit_test(test_layernorm_eps),
        cmocka_unit_test(test_quantize_norm),
        cmocka_unit_test(test_rms),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_exp2),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
