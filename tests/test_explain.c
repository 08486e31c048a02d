/* `--explain` on a checkpoint with outlier columns: what it names, and that its costs are those of the integer model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/tern_convert.h"
#include "tests/e2e.h"
#include "tests/emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 3 };

static tern_error err;
static char folder[256], file[300], report[32768];
static size_t longest; /* line */

/* Three columns of the rows of norms stand out, as in tests/test_outliers.c; attention matters most. */
static const int columns[] = {5, 41, 77};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void plant(void *context, struct test_tensor *t)
{
    (void)context;
    if (!t->canonical)
        return;
    const int attention = strstr(t->canonical, "query.weight") || strstr(t->canonical, "key.weight") ||
                          strstr(t->canonical, "value.weight") || strstr(t->canonical, "attn_out.weight");
    for (size_t i = 0; attention && i < t->count; i++)
        t->values[i] *= 8;
    for (int i = 0; i < COLUMNS; i++) {
        if (strstr(t->canonical, "attn_out.bias") || strstr(t->canonical, "ffn_down.bias"))
            t->values[columns[i]] += i % 2 ? -25.0f : 40.0f;
        if (strstr(t->canonical, "_norm.weight"))
            t->values[columns[i]] *= 0.05f;
    }
}

static void listen(void *context, const char *line)
{
    const size_t length = strlen(report);
    (void)context;
    longest = strlen(line) > longest ? strlen(line) : longest;
    snprintf(report + length, sizeof report - length, "%s\n", line);
}

static void explain(const char *weights, const char *outliers)
{
    const tern_convert_options options = {
        .struct_bytes = sizeof options, .weights = weights, .outliers = outliers, .report = listen, .explain = 1};
    report[0] = 0;
    longest = 0;
    assert_ok(tern_convert(folder, file, &options, &err));
    assert_true(longest < 160);
}

/* What follows `name` in the report. */
static const char *behind(const char *name)
{
    const char *at = strstr(report, name);
    if (!at)
        fail_msg("the report lacks '%s':\n%s", name, report);
    return at + strlen(name);
}

/* A row of the table. */
struct row {
    double qkv, attn_out, ffn_up, ffn_down, all;
};
static struct row row_of(const char *name)
{
    struct row r;
    if (sscanf(behind(name), "%lf %lf %lf %lf %lf", &r.qkv, &r.attn_out, &r.ffn_up, &r.ffn_down, &r.all) != 5)
        fail_msg("'%s' has no five numbers:\n%s", name, report);
    return r;
}

/* 1 - the mean cosine of the integer model with the float model, on more texts than are explained. */
static double integer_loss(void)
{
    double cosine;
    assert_int_equal(sscanf(behind("texts: cosine "), "%lf", &cosine), 1);
    return 1 - cosine;
}

static void near(double a, double b, double factor, const char *what)
{
    if (!(a < factor * b && b < factor * a))
        fail_msg("%s: %g and %g\n%s", what, a, b, report);
}

/* All inputs behind norms that were planted in: their columns, each more than once. */
static void check_columns(void)
{
    static const char *const inputs[] = {"qkv", "ffn_up"};
    for (int layer = 0; layer < LAYERS; layer++)
        for (int input = layer ? 0 : 1; input < 2; input++) {
            char name[64], line[200];
            snprintf(name, sizeof name, "layer.%d.%s: columns", layer, inputs[input]);
            snprintf(line, sizeof line, "%.190s", behind(name));
            line[strcspn(line, "\n")] = 0;
            for (int i = 0; i < COLUMNS; i++) {
                char column[16];
                snprintf(column, sizeof column, " %d x", columns[i]);
                const char *at = strstr(line, column);
                if (!at || atoi(at + strlen(column)) < 2)
                    fail_msg("%s%s does not name column %d", name, line, columns[i]);
            }
        }
}

/* What costs how much is of floats and of reports: once is enough, and minutes under an emulator. */
static void test_rows(void **state)
{
    (void)state;
    if (emulated())
        skip();
    explain("int8", "off");
    behind("outlier columns: none is repeated\n");
    behind("try --outliers 16\n");
    behind("rows of layer.");
    const struct row off = row_of("  int8 rows "), weights = row_of("  int8 weights ");
    const double loss_off = integer_loss();
    if (!(off.qkv > off.attn_out && off.qkv > off.ffn_up && off.qkv > off.ffn_down && off.qkv > weights.all))
        fail_msg("the rows in front of query, key and value do not cost most:\n%s", report);
    near(off.all + weights.all, loss_off, 2, "all quantisers one at a time, and the integer model");

    explain("int8", "16");
    check_columns();
    const struct row plain = row_of("  int8 rows, without copies "), with = row_of("  int8 rows, with copies "),
                     finer = row_of("  int8 weights ");
    const double loss_with = integer_loss();
    near(plain.qkv, off.qkv, 1.0001, "rows without copies, with and without");
    if (!(with.qkv < plain.qkv / 3 && with.ffn_up < plain.ffn_up / 3 && with.all < plain.all / 3))
        fail_msg("copies bring too little:\n%s", report);
    /* What is left with copies is to a part attention's own rounding, which no probe has. */
    near(off.all + weights.all - with.all - finer.all, loss_off - loss_with, 1.5,
         "what copies bring, one at a time and in the integer model");
}

/* What follows "costliest:" falls, and is of this model. */
static void check_costliest(void)
{
    const char *line = behind("costliest:\n");
    double before = 2;
    for (int i = 0; i < 5; i++, line = strchr(line, '\n') + 1) {
        double cost;
        char kind[16];
        int layer;
        assert_int_equal(sscanf(line, "%lf %15s of layer.%d.", &cost, kind, &layer), 3);
        assert_true(cost <= before && cost >= 0 && layer >= 0 && layer < LAYERS);
        before = cost;
    }
    assert_int_equal(strncmp(line, "all together: ", 14), 0);
}

static void test_weights(void **state)
{
    (void)state;
    if (emulated())
        skip();
    explain("int3", "off");
    const struct row rows = row_of("  int8 rows "), weights = row_of("  int3 weights ");
    behind("try --calibrate builtin");
    behind("--weights auto:3.5 --calibrate builtin, which raises first what costs most for its size: layer.");
    behind("weights of layer.");
    check_costliest();
    assert_true(weights.all > rows.all);
    near(rows.all + weights.all, integer_loss(), 2, "all quantisers one at a time, and the integer model");
}

static void test_silence(void **state)
{
    (void)state;
    const tern_convert_options options = {.struct_bytes = sizeof options, .outliers = "off", .report = listen};
    report[0] = 0;
    assert_ok(tern_convert(folder, file, &options, &err));
    assert_null(strstr(report, "outlier columns"));
    assert_null(strstr(report, "one quantiser at a time"));
    explain("f32", NULL); /* has none */
    assert_null(strstr(report, "one quantiser at a time"));
}

/* A model whose rows and int8 weights cost next to nothing. */
static void test_nothing_to_do(void **state)
{
    (void)state;
    const struct test_checkpoint_spec spec = {.seed = 6, .layers = 1, .pooling = "mean"};
    assert_int_equal(test_write_checkpoint(folder, &spec), 0);
    explain("int8", NULL);
    behind("nothing is worth changing\n");
    assert_null(strstr(report, "try --"));
}

static int begin(void **state)
{
    const struct test_checkpoint_spec planted = {
        .seed = 5, .layers = LAYERS, .hidden = 128, .heads = 4, .intermediate = 256, .pooling = "mean", .edit = plant};
    (void)state;
    test_temp_dir(folder, sizeof folder);
    snprintf(file, sizeof file, "%s/model.tern", folder);
    return test_write_checkpoint(folder, &planted);
}

static int end(void **state)
{
    (void)state;
    test_remove_dir(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
