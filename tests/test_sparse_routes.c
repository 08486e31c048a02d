/* The picker of sparse, expanded and dense products: always the cheapest way, by tables that are found from times, read
   from text, or built in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/sparse_table.h"
#include "quant/find_blocks.h"
#include "quant/sparse_costs.h"
#include "tests/rng.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 21, FINE = 1000 };

/* Times of a made-up machine with `left` of the blocks: sparse a + b left, expanded e + f left, dense 1. */
struct times {
    double a, b, e, f;
};

static double time_of(const struct times *t, enum tern_way way, double left)
{
    return way == TERN_WAY_SPARSE ? t->a + t->b * left : way == TERN_WAY_EXPANDED ? t->e + t->f * left : 1;
}

/* What calibration makes of them. */
static void calibrate(const struct times *t, int *as_stored, int *pays)
{
    struct tern_way_times measured[STEPS];
    for (int i = 0; i < STEPS; i++) {
        const double left = (double)i / (STEPS - 1);
        measured[i] =
            (struct tern_way_times){left, time_of(t, TERN_WAY_SPARSE, left), time_of(t, TERN_WAY_EXPANDED, left), 1};
    }
    tern_sparse_limits(measured, STEPS, as_stored, pays);
}

/* Whole per cents lie below the crossing: within so much of the blocks the second best may be chosen, never one that is
   slower than dense. */
static const double slack = 0.02;

static double least_time(const struct times *t, double left, int open)
{
    double least = time_of(t, TERN_WAY_SPARSE, left);
    for (int way = TERN_WAY_EXPANDED; way <= (open ? TERN_WAY_DENSE : TERN_WAY_EXPANDED); way++)
        least = time_of(t, (enum tern_way)way, left) < least ? time_of(t, (enum tern_way)way, left) : least;
    return least;
}

/* Every ISA row of the tables is just numbers to the picker: all shapes and buckets, of seeded machines, at every
   density. The way that is chosen is the cheapest, or as cheap within the slack; and never is a matrix stored sparse
   that would be slower than dense. */
static void test_cheapest(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "picker");
    for (int machine = 0; machine < 300; machine++) {
        struct tern_sparse_routes routes;
        struct times times[TERN_N_BLOCK_SHAPES][TERN_ROW_BUCKETS];
        for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
            for (int b = 0; b < TERN_ROW_BUCKETS; b++) {
                struct times *t = &times[s][b];
                t->a = (double)rng_between(&r, 0, 130) / 100;
                t->b = (double)rng_between(&r, 0, 400) / 100;
                t->e = (double)rng_between(&r, machine % 2 ? 100 : 60, 200) / 100;
                t->f = (double)rng_between(&r, 0, 100) / 100 * t->b; /* expanding copies, it does not multiply */
                calibrate(t, &routes.as_stored[s][b], &routes.pays[s][b]);
            }
        for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
            for (int b = 0; b < TERN_ROW_BUCKETS; b++)
                for (int i = 0; i <= FINE; i++) {
                    const struct times *t = &times[s][b];
                    const enum tern_block_shape shape = (enum tern_block_shape)s;
                    const double left = (double)i / FINE, margin = slack * (t->b + t->f) + 1e-9;
                    const enum tern_way stored = tern_way_stored(&routes, shape, b, i, FINE),
                                        open = tern_way_open(&routes, shape, b, i, FINE);
                    if (time_of(t, stored, left) > least_time(t, left, 0) + margin ||
                        time_of(t, open, left) > least_time(t, left, 1) + margin)
                        fail_msg("machine %d, shape %d, bucket %d, %.3f left: %s, %s", machine, s, b, left,
                                 tern_way_name(stored), tern_way_name(open));
                    if (time_of(t, open, left) > 1 + 1e-9)
                        fail_msg("machine %d, shape %d, bucket %d, %.3f left: slower than dense", machine, s, b, left);
                    assert_true((tern_sparse_cost(&routes, shape, b, i, FINE) <= 1) == (open != TERN_WAY_DENSE));
                }
    }
}

/* The ends, and exactly at the crossing. */
static void test_edges(void **state)
{
    (void)state;
    struct tern_sparse_routes r = {0};
    const enum tern_block_shape shape = TERN_BLOCK_4X4;
    assert_int_equal(tern_way_stored(&r, shape, 0, 0, 100), TERN_WAY_EXPANDED); /* 0: never */
    assert_int_equal(tern_way_open(&r, shape, 0, 0, 100), TERN_WAY_DENSE);
    r.as_stored[shape][0] = r.pays[shape][0] = 100;
    assert_int_equal(tern_way_stored(&r, shape, 0, 100, 100), TERN_WAY_SPARSE); /* 100: always */
    assert_int_equal(tern_way_open(&r, shape, 0, 100, 100), TERN_WAY_SPARSE);
    r.as_stored[shape][0] = 40;
    r.pays[shape][0] = 60;
    assert_int_equal(tern_way_open(&r, shape, 0, 400, 1000), TERN_WAY_SPARSE);
    assert_int_equal(tern_way_open(&r, shape, 0, 401, 1000), TERN_WAY_EXPANDED);
    assert_int_equal(tern_way_open(&r, shape, 0, 600, 1000), TERN_WAY_EXPANDED);
    assert_int_equal(tern_way_open(&r, shape, 0, 601, 1000), TERN_WAY_DENSE);
    /* The largest matrix there is: no overflow. */
    const int64_t lines = (int64_t)1 << 40;
    assert_int_equal(tern_way_open(&r, shape, 0, lines, lines), TERN_WAY_DENSE);
    static const int buckets[][2] = {{1, 0}, {2, 0}, {3, 1}, {8, 1}, {9, 2}, {32, 2}, {33, 3}, {1 << 20, 3}};
    for (int i = 0; i < 8; i++)
        assert_int_equal(tern_row_bucket(buckets[i][0]), buckets[i][1]);
}

static void test_crossing(void **state)
{
    (void)state;
    const double left[] = {0.1, 0.2, 0.4, 0.8};
    assert_int_equal(tern_crossing(left, (const double[]){-0.9, -0.8, -0.6, -0.2}, 4), 100);
    assert_int_equal(tern_crossing(left, (const double[]){0, 0, 0, 0}, 4), 100);
    assert_int_equal(tern_crossing(left, (const double[]){0.01, -0.8, -0.6, -0.2}, 4), 0);
    assert_int_equal(tern_crossing(left, (const double[]){-0.5, 0.5, 1, 2}, 4), 15);
    assert_int_equal(tern_crossing(left, (const double[]){-0.5, 0, 1, 2}, 4), 20);           /* exactly at a density */
    assert_int_equal(tern_crossing(left, (const double[]){-0.5, -0.25, 0.25, -0.1}, 4), 30); /* the first one counts */
    assert_int_equal(tern_crossing(left, (const double[]){-0.5, -0.25, 0.2501, 1}, 4), 29);  /* downwards */
}

/* The shape of least cost, and the larger one of equals. */
static void test_best_shape(void **state)
{
    (void)state;
    struct tern_sparse_routes r = {0};
    for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
        for (int b = 0; b < TERN_ROW_BUCKETS; b++)
            r.pays[s][b] = 60 - 10 * s - b;
    const int64_t all[] = {50, 200, 800, 800};
    assert_int_equal(tern_sparse_best(&r, 0, (const int64_t[]){10, 40, 160, 160}, all), TERN_BLOCK_16X4);
    assert_int_equal(tern_sparse_best(&r, 0, (const int64_t[]){45, 100, 160, 320}, all), TERN_BLOCK_1X4);
    assert_int_equal(tern_sparse_best(&r, 0, (const int64_t[]){0, 0, 0, 0}, all), TERN_BLOCK_16X4);
    assert_int_equal(tern_sparse_limit(&r, TERN_BLOCK_4X4, 1), 49);
    assert_int_equal(tern_sparse_limit(&r, TERN_BLOCK_4X4, TERN_ANY_BUCKET), 47);
    memset(&r, 0, sizeof r);
    assert_true(tern_sparse_cost(&r, TERN_BLOCK_4X1, TERN_ANY_BUCKET, 0, 10) > 1);
    r.pays[TERN_BLOCK_4X1][0] = 10; /* the only shape that ever pays, though not here */
    assert_int_equal(tern_sparse_best(&r, 0, (const int64_t[]){0, 0, 0, 720}, all), TERN_BLOCK_4X1);
    assert_true(tern_sparse_cost(&r, TERN_BLOCK_4X1, 0, 720, 800) > 1);
}

/* Of every ISA that this build knows, this CPU's or not. */
static void test_built_in_tables(void **state)
{
    (void)state;
    for (int isa = 0; isa < TERN_N_ISAS; isa++) {
        struct tern_ops ops;
        tern_table_build(&ops, tern_isa_needs((enum tern_isa)isa));
        const struct tern_sparse_routes *r = &ops.routes.sparse;
        for (int s = 0; s < TERN_N_BLOCK_SHAPES; s++)
            for (int b = 0; b < TERN_ROW_BUCKETS; b++) {
                const int stored = r->as_stored[s][b], pays = r->pays[s][b];
                if (stored < 0 || stored > 100 || pays < 0 || pays > 100)
                    fail_msg("%s, shape %d, bucket %d: %d, %d", tern_isa_name((enum tern_isa)isa), s, b, stored, pays);
                /* The wide shape does in one step what a narrow one does in several; times that are measured near the
                   crossing differ by as much as this. */
                if (pays > r->pays[TERN_BLOCK_16X4][b] + 15)
                    fail_msg("%s, bucket %d: shape %d pays longer than 16x4", tern_isa_name((enum tern_isa)isa), b, s);
            }
    }
}

#define HEAD "version 0.1.0\ncpu Some CPU @ 3 GHz\nisa avx2\n"
#define THREE "16x4 100 99 98 97 60 61 62 63\n4x4 1 2 3 4 5 6 7 8\n4x1 0 0 0 0 0 0 0 0\n"
#define LAST "1x4 9 8 7 6 5 4 3 2\n"

// clang-format off
static void test_text(void **state)
{
    (void)state;
    struct tern_sparse_table t;
    assert_null(tern_sparse_table_read(&t, "# a comment\n" HEAD "\n" THREE "# another\n" LAST));
    assert_string_equal(t.version, "0.1.0");
    assert_string_equal(t.cpu, "Some CPU @ 3 GHz");
    assert_string_equal(t.isa, "avx2");
    assert_int_equal(t.routes.as_stored[TERN_BLOCK_16X4][1], 99);
    assert_int_equal(t.routes.pays[TERN_BLOCK_16X4][3], 63);
    assert_int_equal(t.routes.pays[TERN_BLOCK_1X4][0], 5);
    assert_null(tern_sparse_table_read(&t, HEAD THREE "1x4 9 8 7 6 5 4 3 2")); /* no newline at the end */
    static const char *const bad[] = {
        "", "\n", HEAD, HEAD THREE, THREE LAST,
        "version 0.1.0\nisa avx2\n" THREE LAST, HEAD THREE "1x4 9 8 7 6 5 4 3\n",
        HEAD THREE "1x4 9 8 7 6 5 4 3 2 1\n", HEAD THREE "1x4 9 8 7 6 5 4 3 101\n", HEAD THREE "1x4 9 8 7 6 5 4 3 -2\n",
        HEAD THREE "1x4 9 8 7 6 5 4 3 2x\n", HEAD THREE "1x4 9 8 7 6 5 4 3 0002\n", HEAD THREE LAST LAST,
        HEAD THREE LAST "8x8 1 1 1 1 1 1 1 1\n", HEAD THREE LAST "averyveryverylongwordindeed\n",
        HEAD THREE LAST "\x01\xff\n", HEAD THREE "1x4 9 8 7\n6 5 4 3 2\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!tern_sparse_table_read(&t, bad[i]))
            fail_msg("text %zu was accepted", i);
    /* Cut anywhere it is refused, or is what it was: the last line's last digit. */
    const char whole[] = HEAD THREE LAST;
    char cut[sizeof whole];
    for (size_t n = 0; n + 2 < sizeof whole; n++) {
        memcpy(cut, whole, n);
        cut[n] = 0;
        if (!tern_sparse_table_read(&t, cut))
            fail_msg("the first %zu bytes were accepted", n);
    }
}
// clang-format on

/* Counting on sizes that no block divides. */
static void test_zeros(void **state)
{
    (void)state;
    enum { N = 21, K = 10 };
    float w[N * K];
    struct tern_zeros z;
    for (int i = 0; i < N * K; i++)
        w[i] = 1;
    tern_count_zeros(&z, w, N, K);
    assert_true(z.zero == 0 && z.left[0] == z.blocks[0] && z.left[3] == z.blocks[3]);
    assert_int_equal(tern_zeros_shape(&z), -1);
    for (int i = 16; i < N; i++) /* the edge: 5 rows, 2 columns */
        w[i * K + 8] = w[i * K + 9] = 0;
    tern_count_zeros(&z, w, N, K);
    assert_int_equal(tern_zeros_shape(&z), TERN_BLOCK_16X4);
    assert_true(z.left[TERN_BLOCK_16X4] == 5 && z.blocks[TERN_BLOCK_16X4] == 6 && z.zero == 10);
    assert_true(z.left[TERN_BLOCK_4X4] == 16 && z.left[TERN_BLOCK_1X4] == 58 && z.left[TERN_BLOCK_4X1] == 56);
    w[20 * K + 9] = 1; /* the last row no more, nor the column's last block */
    tern_count_zeros(&z, w, N, K);
    assert_int_equal(tern_zeros_shape(&z), TERN_BLOCK_4X1);
    w[20 * K + 8] = 1;
    tern_count_zeros(&z, w, N, K);
    assert_int_equal(tern_zeros_shape(&z), TERN_BLOCK_4X4);
    memset(w, 0, sizeof w);
    tern_count_zeros(&z, w, N, K);
    assert_true(z.zero == N * K && z.left[TERN_BLOCK_16X4] == 0);
    assert_int_equal(tern_zeros_shape(&z), TERN_BLOCK_16X4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cheapest),   cmocka_unit_test(test_edges),           cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_best_shape), cmocka_unit_test(test_built_in_tables), cmocka_unit_test(test_text),
        cmocka_unit_test(test_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
