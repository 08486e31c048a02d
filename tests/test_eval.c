/* The figures of `tern eval` against SciPy's and NumPy's (tests/golden/eval.h), and NumPy's files. */
/* SOURCES: tools/eval_scores.c tools/neighbours.c tools/npy.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/eval_scores.h"
#include "tools/neighbours.h"
#include "tools/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden/eval.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FILES "tests/fuzz/fuzz_npy/"
static tern_error err;

/* Not defined here where it is not there. */
static void expect(const char *name, double value, double golden)
{
    if (isnan(golden) ? !isnan(value) : !(fabs(value - golden) <= 1e-9))
        fail_msg("%s: %.17g, expected %.17g", name, value, golden);
}

static void test_correlations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden_correlations); i++) {
        double spearman;
        const double *x = golden_correlations[i].x, *y = golden_correlations[i].y;
        const size_t n = golden_correlations[i].n;
        expect(golden_correlations[i].name, eval_pearson(x, y, n), golden_correlations[i].pearson);
        assert_int_equal(eval_spearman(&spearman, x, y, n), 0);
        expect(golden_correlations[i].name, spearman, golden_correlations[i].spearman);
    }
}

static void test_percentiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden_percentiles); i++) {
        double values[COUNT(golden_values)];
        memcpy(values, golden_values, sizeof values);
        expect("first", eval_percentile(values, golden_percentiles[i].n, 1), golden_percentiles[i].first);
        expect("half", eval_percentile(values, golden_percentiles[i].n, 50), golden_percentiles[i].half);
    }
}

static void test_cosines(void **state)
{
    (void)state;
    for (int i = 0; i < GOLDEN_VECTORS; i++)
        expect("cosine", eval_cosine(golden_a + i * GOLDEN_WIDTH, golden_b + i * GOLDEN_WIDTH, GOLDEN_WIDTH),
               golden_cosines[i]);
}

/* Of vectors that stand in another order, and others between them, too. */
static void test_neighbours(void **state)
{
    (void)state;
    enum { N = GOLDEN_VECTORS, BYTES = N * NEIGHBOURS * sizeof(int32_t) };
    int32_t a[N * NEIGHBOURS], b[N * NEIGHBOURS];
    static float spread[2 * N * GOLDEN_WIDTH];
    size_t rows[N];
    for (int32_t threads = 1; threads <= 3; threads++) {
        assert_int_equal(neighbours_find(a, golden_a, NULL, N, GOLDEN_WIDTH, threads, &err), TERN_OK);
        assert_int_equal(neighbours_find(b, golden_b, NULL, N, GOLDEN_WIDTH, threads, &err), TERN_OK);
        assert_memory_equal(a, golden_nearest_a, BYTES);
        assert_memory_equal(b, golden_nearest_b, BYTES);
    }
    expect("kept", neighbours_kept(a, b, N), golden_kept);
    expect("kept of itself", neighbours_kept(a, a, N), 1);
    for (size_t i = 0; i < N; i++) {
        rows[i] = 2 * ((i + 5) % N);
        memcpy(spread + rows[i] * GOLDEN_WIDTH, golden_a + i * GOLDEN_WIDTH, GOLDEN_WIDTH * sizeof *spread);
    }
    assert_int_equal(neighbours_find(a, spread, rows, N, GOLDEN_WIDTH, 1, &err), TERN_OK);
    assert_memory_equal(a, golden_nearest_a, BYTES);
    assert_int_equal(neighbours_find(a, golden_a, NULL, NEIGHBOURS, GOLDEN_WIDTH, 1, &err), TERN_USAGE);
    assert_int_equal(neighbours_find(a, golden_a, NULL, NEIGHBOURS_MOST + 1, GOLDEN_WIDTH, 1, &err), TERN_USAGE);
}

static void test_npy(void **state)
{
    (void)state;
    static const char *const names[] = {"f2", "f4", "f8", "version_2", "version_3"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[100];
        float values[COUNT(golden_array)];
        struct npy npy;
        snprintf(path, sizeof path, FILES "%s", names[i]);
        assert_true(npy_is(path));
        assert_int_equal(npy_open(&npy, path, &err), TERN_OK);
        assert_int_equal(npy.rows, 4);
        assert_int_equal(npy.columns, 3);
        assert_int_equal(npy_read(&npy, values, &err), TERN_OK);
        assert_memory_equal(values, golden_array, sizeof values);
        npy_close(&npy);
    }
    assert_false(npy_is("models/sentiment-mini.tern"));
    assert_false(npy_is("models"));
    assert_true(npy_is("absent.npy"));
}

static void test_npy_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden_refused); i++) {
        char path[100];
        float values[COUNT(golden_array)];
        struct npy npy;
        snprintf(path, sizeof path, FILES "%s", golden_refused[i]);
        err = (tern_error){TERN_OK, ""};
        tern_status status = npy_open(&npy, path, &err);
        if (!status) {
            assert_int_equal(npy.rows * npy.columns, COUNT(golden_array));
            status = npy_read(&npy, values, &err);
        }
        npy_close(&npy);
        if (status != TERN_INPUT || err.code != TERN_INPUT || strncmp(err.message, path, strlen(path)))
            fail_msg("%s: %d, '%s'", path, (int)status, err.message);
    }
    struct npy npy;
    assert_int_equal(npy_open(&npy, "tests/absent.npy", &err), TERN_IO);
    npy_close(&npy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_correlations), cmocka_unit_test(test_percentiles), cmocka_unit_test(test_cosines),
        cmocka_unit_test(test_neighbours),   cmocka_unit_test(test_npy),         cmocka_unit_test(test_npy_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
