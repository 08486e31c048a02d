/* Second-order pruning: against least squares solved directly, in doubles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/prune_second.h"
#include "tests/plain_lapack.h"
#include "tests/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sizes that no block divides. */
enum { N = 38, K = 26, ROWS = 90 };

static struct tern_ops ops;
static struct tern_host host;

static struct problem {
    struct tern_hessian hessian;
    struct tern_pruner pruner;
    float moments[K * K], inverse[K * K], w[N * K], target[N * K], loss[K * 4];
    _Alignas(double) float scratch[4 * N * K];
    uint8_t keep[N * K];
    struct tern_block_score score[N * K];
    double factor[K * K];
} a;

static float some(struct rng *r)
{
    return (float)rng_between(r, -1000, 1000) / 1000;
}

/* Inputs that lean on each other, as those of a model do. */
static void make(enum tern_block_shape shape, uint64_t seed)
{
    static float x[ROWS][K];
    struct rng r = rng_seeded(seed, "second order");
    memset(&a, 0, sizeof a);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < K; j++)
            x[i][j] = some(&r) + (j ? 0.7f * x[i][j - 1] : 0);
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++)
            for (int row = 0; row < ROWS; row++)
                a.moments[i * K + j] += x[row][i] * x[row][j];
    for (int i = 0; i < N * K; i++)
        a.w[i] = a.target[i] = some(&r);
    a.hessian = (struct tern_hessian){a.moments, a.inverse, K};
    a.pruner = (struct tern_pruner){.host = &host,
                                    .hessian = &a.hessian,
                                    .shape = shape,
                                    .n = N,
                                    .k = K,
                                    .w = a.w,
                                    .target = a.target,
                                    .keep = a.keep,
                                    .loss = a.loss,
                                    .scratch = a.scratch,
                                    .score = a.score};
    assert_true(tern_compensation_scratch(N, K) <= sizeof a.scratch / sizeof *a.scratch);
    assert_int_equal(tern_hessian_make(&a.hessian, &test_plain_lapack, a.factor), 0);
}

/* (w - target) moments (w - target)^T of one row, or of all. */
static double row_error(const float *w, int row)
{
    double error = 0;
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++)
            error += ((double)w[row * K + i] - (double)a.target[row * K + i]) * (double)a.moments[i * K + j] *
                     ((double)w[row * K + j] - (double)a.target[row * K + j]);
    return error;
}
static double whole_error(const float *w)
{
    double error = 0;
    for (int i = 0; i < N; i++)
        error += row_error(w, i);
    return error;
}

/* The row's best weights where keep is set, by elimination in the normal equations H_SS w_S = (target H)_S. */
static void best_row(const uint8_t *keep, int row, float *out)
{
    static double m[K][K + 1];
    int at[K], n = 0;
    for (int i = 0; i < K; i++) {
        out[i] = 0;
        if (keep[i])
            at[n++] = i;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++)
            m[i][j] = (double)a.moments[at[i] * K + at[j]];
        m[i][n] = 0;
        for (int j = 0; j < K; j++)
            m[i][n] += (double)a.moments[at[i] * K + j] * (double)a.target[row * K + j];
    }
    for (int p = 0; p < n; p++)
        for (int i = 0; i < n; i++) {
            const double factor = i == p ? 0 : m[i][p] / m[p][p];
            for (int j = p; i != p && j <= n; j++)
                m[i][j] -= factor * m[p][j];
        }
    for (int i = 0; i < n; i++)
        out[at[i]] = (float)(m[i][n] / m[i][i]);
}

static int is_zero_block(const float *w, enum tern_block_shape shape, int row, int column)
{
    for (int i = row; i < N && i < row + tern_block_outputs(shape); i++)
        for (int j = column; j < K && j < column + tern_block_inputs(shape); j++)
            if (w[i * K + j] != 0)
                return 0;
    return 1;
}

static int zero_blocks(const float *w, enum tern_block_shape shape)
{
    int n = 0;
    for (int i = 0; i < N; i += tern_block_outputs(shape))
        for (int j = 0; j < K; j += tern_block_inputs(shape))
            n += is_zero_block(w, shape, i, j);
    return n;
}

/* Exactly so many blocks are zero, the others are the least squares' solution for that mask, and the error that is
   returned is the error. */
static void test_solution(void **state)
{
    static const double fractions[] = {0, 0.1, 0.37, 0.5, 0.8, 0.95, 1};
    (void)state;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++)
        for (int f = 0; f < 7; f++)
            for (int passes = 1; passes <= 8; passes += 7) {
                make((enum tern_block_shape)shape, 1);
                assert_int_equal(tern_pruner_start(&a.pruner), 0);
                const double error = tern_pruner_to(&a.pruner, fractions[f], passes);
                const int blocks = (int)tern_count_blocks((enum tern_block_shape)shape, N, K);
                assert_int_equal(zero_blocks(a.w, (enum tern_block_shape)shape), (int)lrint(fractions[f] * blocks));
                static float best[N * K], masked[N * K];
                for (int i = 0; i < N; i++)
                    best_row(a.keep + i * K, i, best + i * K);
                for (int i = 0; i < N * K; i++) {
                    masked[i] = a.keep[i] ? a.target[i] : 0;
                    assert_true(a.keep[i] || (a.w[i] == 0 && !signbit(a.w[i])));
                }
                const double least = whole_error(best), without = whole_error(masked), whole = whole_error(a.w);
                if (!(whole <= least * 1.002 + 1e-4))
                    fail_msg("shape %d, %g: error %g, least %g", shape, fractions[f], whole, least);
                if (!(fabs(error - whole) <= 1e-3 * whole + 1e-4))
                    fail_msg("shape %d, %g: %g, not %g", shape, fractions[f], error, whole);
                assert_true(whole <= without * (1 + 1e-6));
                if (f > 1 && f < 5 && !(whole < 0.9 * without)) /* with enough of both: far below it */
                    fail_msg("shape %d, %g: %g, without compensation %g", shape, fractions[f], whole, without);
                assert_true(fabs(tern_pruner_error(&a.pruner, masked) - without) <= 1e-3 * without + 1e-4);
            }
}

/* With as many steps as it takes, the least squares' very weights. */
static void test_exact(void **state)
{
    (void)state;
    make(TERN_BLOCK_1X4, 2);
    struct rng r = rng_seeded(2, "mask");
    for (int i = 0; i < N * K; i++) {
        a.keep[i] = rng_between(&r, 0, 2) != 0;
        a.w[i] = 0;
    }
    memset(a.keep, 0, K); /* one row without any, one with all */
    memset(a.keep + K, 1, K);
    const struct tern_compensation c = {&host, a.moments, a.target, a.keep, N, K, a.scratch};
    tern_compensate(&c, a.w, 300, 0);
    for (int i = 0; i < N; i++) {
        float best[K];
        best_row(a.keep + i * K, i, best);
        for (int j = 0; j < K; j++)
            if (!(fabsf(a.w[i * K + j] - best[j]) <= 1e-4f))
                fail_msg("row %d, input %d: %.7f, not %.7f", i, j, (double)a.w[i * K + j], (double)best[j]);
    }
}

/* Conjugate directions: with six weights to choose, six steps arrive. Steepest descent would lack a fortieth of the way
   on inputs that lean on each other as these do. */
static void test_steps(void **state)
{
    enum { CHOSEN = 6 };
    (void)state;
    make(TERN_BLOCK_1X4, 7);
    static float best[N * K];
    for (int i = 0; i < N * K; i++) {
        a.keep[i] = i % K < CHOSEN;
        a.w[i] = 0;
    }
    for (int i = 0; i < N; i++)
        best_row(a.keep + i * K, i, best + i * K);
    const struct tern_compensation c = {&host, a.moments, a.target, a.keep, N, K, a.scratch};
    const double least = whole_error(best), before = whole_error(a.w);
    tern_compensate(&c, a.w, CHOSEN, 0);
    const double left = (whole_error(a.w) - least) / (before - least);
    if (!(left < 1e-6))
        fail_msg("%d steps leave %g of what can be gained", CHOSEN, left);
}

/* The blocks that go in one pass are those whose loss, with all other weights at their best, is least. */
static void test_choice(void **state)
{
    (void)state;
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        const int height = tern_block_outputs((enum tern_block_shape)shape);
        const int width = tern_block_inputs((enum tern_block_shape)shape);
        make((enum tern_block_shape)shape, 3);
        assert_int_equal(tern_pruner_start(&a.pruner), 0);
        tern_pruner_to(&a.pruner, 0.3, 1);
        double most_gone = 0, least_kept = INFINITY;
        for (int i = 0; i < N; i += height)
            for (int j = 0; j < K; j += width) {
                double loss = 0;
                for (int row = i; row < N && row < i + height; row++) {
                    static float all[N * K];
                    uint8_t keep[K];
                    for (int l = 0; l < K; l++)
                        keep[l] = l < j || l >= j + width;
                    best_row(keep, row, all + row * K);
                    loss += row_error(all, row);
                }
                if (is_zero_block(a.w, (enum tern_block_shape)shape, i, j))
                    most_gone = fmax(most_gone, loss);
                else
                    least_kept = fmin(least_kept, loss);
            }
        if (!(most_gone <= least_kept * 1.001))
            fail_msg("%d: a block of loss %g went, one of %g stayed", shape, most_gone, least_kept);
    }
}

/* Zeros that are there stay, and count; more of them than asked for, too. */
static void test_zeros_that_are_there(void **state)
{
    (void)state;
    for (int passes = 1; passes <= 5; passes += 4) {
        make(TERN_BLOCK_4X4, 4);
        for (int i = 0; i < N; i++)
            memset(a.w + i * K, 0, 12 * sizeof *a.w); /* 3 of 7 blocks */
        assert_int_equal(tern_pruner_start(&a.pruner), 0);
        tern_pruner_to(&a.pruner, 0.2, passes);
        assert_int_equal(zero_blocks(a.w, TERN_BLOCK_4X4), 30);
        tern_pruner_to(&a.pruner, 0.5, passes);
        assert_int_equal(zero_blocks(a.w, TERN_BLOCK_4X4), 35);
        for (int i = 0; i < N; i++)
            for (int j = 0; j < 12; j++)
                assert_true(a.w[i * K + j] == 0);
    }
}

/* Inputs that are never there, or always the same, are carried by the damping; numbers that are none are refused. */
static void test_singular(void **state)
{
    (void)state;
    make(TERN_BLOCK_4X4, 5);
    for (int i = 0; i < K * K; i++)
        a.moments[i] = i / K < 7 || i % K < 7 ? 0 : 1; /* rank 1 */
    assert_int_equal(tern_hessian_make(&a.hessian, &test_plain_lapack, a.factor), 0);
    assert_int_equal(tern_pruner_start(&a.pruner), 0);
    assert_true(isfinite(tern_pruner_to(&a.pruner, 0.5, 4)));
    for (int i = 0; i < N * K; i++)
        assert_true(isfinite(a.w[i]));
    memset(a.moments, 0, sizeof a.moments);
    assert_int_equal(tern_hessian_make(&a.hessian, &test_plain_lapack, a.factor), 0);
    assert_true(isfinite(tern_pruner_to(&a.pruner, 0.7, 4)));
    a.moments[5] = NAN;
    assert_int_equal(tern_hessian_make(&a.hessian, &test_plain_lapack, a.factor), -1);
    make(TERN_BLOCK_4X4, 5);
    a.moments[0] = INFINITY;
    assert_int_equal(tern_hessian_make(&a.hessian, &test_plain_lapack, a.factor), -1);
    make(TERN_BLOCK_4X4, 5);
    a.moments[K + 1] = -1e6f; /* no moments of any inputs */
    assert_int_equal(tern_hessian_make(&a.hessian, &test_plain_lapack, a.factor), -1);
    a.inverse[0] = -1;
    assert_int_equal(tern_pruner_start(&a.pruner), -1);
}

/* The same bits with any number of threads. */
static void test_threads(void **state)
{
    static float one[N * K];
    (void)state;
    struct tern_pool *const pool = host.pool;
    make(TERN_BLOCK_4X4, 6);
    assert_int_equal(tern_pruner_start(&a.pruner), 0);
    tern_pruner_to(&a.pruner, 0.6, 3);
    memcpy(one, a.w, sizeof one);
    assert_int_equal(tern_pool_open(&host.pool, 3, NULL), TERN_OK);
    make(TERN_BLOCK_4X4, 6);
    assert_int_equal(tern_pruner_start(&a.pruner), 0);
    tern_pruner_to(&a.pruner, 0.6, 3);
    assert_memory_equal(one, a.w, sizeof one);
    tern_pool_close(host.pool);
    host.pool = pool;
}

static int setup(void **state)
{
    unsigned features;
    (void)state;
    if (tern_cpu_select(&features, NULL, NULL) || tern_pool_open(&host.pool, 1, NULL))
        return -1;
    tern_table_build(&ops, features);
    host.ops = &ops;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tern_pool_close(host.pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_solution), cmocka_unit_test(test_exact),
                                       cmocka_unit_test(test_steps),    cmocka_unit_test(test_choice),
                                       cmocka_unit_test(test_singular), cmocka_unit_test(test_zeros_that_are_there),
                                       cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
