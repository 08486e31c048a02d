/* The boards of `tern convert --for`: their rows of the lists of routes, and what they choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/boards.h"
#include "quant/sparse_costs.h"
#include "tests/e2e.h"

#include <string.h>

static tern_error err;
static const char *const names[] = {
#define BOARD(name, isas, what) name,
#include "quant/boards.def"
#undef BOARD
};
enum { N_NAMES = sizeof names / sizeof *names };

static struct tern_board_choice settled(const char *name, tern_convert_options *o)
{
    struct tern_board_choice c;
    o->struct_bytes = sizeof *o;
    o->board = name;
    assert_ok(tern_board_settle(&c, o, &err));
    return c;
}

/* Of the boards of this architecture: what the table of kernels for their instruction set says. */
static void test_routes(void **state)
{
    (void)state;
    int seen = 0;
    for (int i = 0; i < N_NAMES; i++) {
        tern_convert_options o = {.weights = "int8"};
        const struct tern_board_choice c = settled(names[i], &o);
        const int isa = tern_isa_find(tern_board_isa(c.board));
        struct tern_ops ops;
        if (isa < 0)
            continue;
        seen++;
        tern_table_build(&ops, tern_isa_needs((enum tern_isa)isa));
        assert_memory_equal(&c.routes, &ops.routes, sizeof ops.routes);
    }
#if defined(__x86_64__) || defined(__aarch64__) || defined(__arm__)
    assert_true(seen > 0);
#else
    (void)seen;
#endif
}

/* On every machine: int7 where products of bytes are missing, int8 elsewhere, and what was asked for stays. */
static void test_choices(void **state)
{
    (void)state;
    static const struct {
        const char *board, *weights;
    } expected[] = {{"pi2", "int7"},     {"pi3", "int7"},     {"pizero2", "int7"}, {"pi4", "int7"},
                    {"pi5", "int8"},     {"pc-sse4", "int7"}, {"pc-avx2", "int7"}, {"pc-avx512", "int7"},
                    {"pc-vnni", "int8"}, {"arm-i8mm", "int8"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        tern_convert_options o = {0}, asked = {.weights = "int4", .sparse = "16x4"}, trained = {.trained = "twn"};
        const struct tern_board_choice c = settled(expected[i].board, &o);
        assert_string_equal(o.weights, expected[i].weights);
        assert_string_equal(o.sparse, "auto");
        assert_true(c.weights && c.sparse);
        assert_false(settled(expected[i].board, &asked).sparse);
        assert_string_equal(asked.weights, "int4");
        assert_string_equal(asked.sparse, "16x4");
        asked.sparse = NULL; /* auto is not for int4 */
        assert_false(settled(expected[i].board, &asked).sparse);
        assert_null(asked.sparse);
        settled(expected[i].board, &trained);
        assert_null(trained.weights);
    }
}

/* Blocks must be fewer to be faster than int7's dense products, where these are faster than int8's. */
static void test_limits(void **state)
{
    (void)state;
    tern_convert_options o = {0}, int8 = {.weights = "int8"};
    const struct tern_board_choice c = settled("pi4", &o), d = settled("pi4", &int8);
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++)
        assert_true(tern_sparse_limit(&c.routes.sparse, (enum tern_block_shape)shape, TERN_ANY_BUCKET) <
                    tern_sparse_limit(&d.routes.sparse, (enum tern_block_shape)shape, TERN_ANY_BUCKET));
}

static void test_refused(void **state)
{
    (void)state;
    struct tern_board_choice c;
    tern_convert_options o = {.struct_bytes = sizeof o, .board = "pi99"};
    assert_int_equal(tern_board_settle(&c, &o, &err), TERN_USAGE);
    for (int i = 0; i < N_NAMES; i++)
        assert_non_null(strstr(err.message, names[i]));
    o = (tern_convert_options){.struct_bytes = sizeof o, .board = "pi4", .sparse = "auto", .sparse_isa = "scalar"};
    assert_int_equal(tern_board_settle(&c, &o, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "neon"));
    o = (tern_convert_options){.struct_bytes = sizeof o};
    assert_ok(tern_board_settle(&c, &o, &err));
    assert_null(c.board);
    assert_null(o.weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_routes), cmocka_unit_test(test_choices),
                                       cmocka_unit_test(test_limits), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
