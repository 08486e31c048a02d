/* Pruning on texts: conversions of a small model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/lapack.h"
#include "quant/tern_convert.h"
#include "runtime/model.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;
static char dir[256], path[400], texts_path[400];
static int has_lapack;

static const struct test_checkpoint_spec small = {.seed = 51,
                                                  .hidden = 24,
                                                  .heads = 2,
                                                  .intermediate = 40,
                                                  .vocab = 120,
                                                  .pooler = 1,
                                                  .n_labels = 3,
                                                  .pooling = "mean"};

static void fails(tern_status status, tern_status expected, const char *says)
{
    if (status != expected || err.code != expected || strchr(err.message, '\n') || !strstr(err.message, says))
        fail_msg("%s: '%s'; expected %s and '%s'", tern_status_name(status), err.message, tern_status_name(expected),
                 says);
}

static void write_lines(int n)
{
    FILE *f = fopen(texts_path, "w");
    if (!f)
        abort();
    for (int i = 0; i < n; i++)
        fprintf(f, "text %d is of %d, not %d words\n", i, i * 7 % 31, i * i % 101);
    if (fclose(f))
        abort();
}

static tern_status convert_sparse(const char *sparse, const char *calibrate)
{
    const tern_convert_options o = {
        .struct_bytes = sizeof o, .outliers = "off", .sparse = sparse, .calibrate = calibrate};
    err = (tern_error){TERN_OK, ""};
    return tern_convert(dir, path, &o, &err);
}

static const char *const shapes[] = {"16x4:0.5", "4x4:0.5", "1x4:0.5", "4x1:0.5", "4x4:1"};
static int second_order_lines;

static void count_second_order(void *context, const char *line)
{
    (void)context;
    second_order_lines += strstr(line, "second order, loss ") != NULL;
}

/* The vector of a text by the file in `path`. */
static void vector_of(float *vector)
{
    static const int32_t ids[8] = {2, 60, 61, 62, 70, 75, 80, 3}, offsets[2] = {0, 8};
    tern_model *model;
    tern_session *session;
    assert_ok(tern_model_open(&model, path, &err));
    assert_ok(tern_session_open(&session, model, NULL, &err));
    assert_ok(tern_embed(session, &(tern_batch){ids, NULL, offsets, 1}, vector, &err));
    tern_session_close(session);
    tern_model_close(model);
}

/* The same bytes each time, a loss in the report, and vectors nearer to the whole model's than by magnitude. */
static void test_pruned_on_texts(void **state)
{
    (void)state;
    size_t bytes, again;
    write_lines(1500);
    if (!has_lapack) {
        fails(convert_sparse("4x4:0.5", texts_path), TERN_USAGE, "LAPACK");
        return;
    }
    float exact[24], pruned[24], plain[24];
    double ratios = 0;
    const tern_convert_options floats = {.struct_bytes = sizeof floats, .weights = "f32"};
    assert_ok(tern_convert(dir, path, &floats, &err));
    vector_of(exact);
    for (int i = 0; i < 5; i++) {
        const tern_convert_options o = {.struct_bytes = sizeof o,
                                        .outliers = "off",
                                        .sparse = shapes[i],
                                        .calibrate = texts_path,
                                        .report = count_second_order};
        second_order_lines = 0;
        assert_ok(tern_convert(dir, path, &o, &err));
        assert_int_equal(second_order_lines, 12); /* 2 layers */
        char *first = test_read_file(path, &bytes);
        vector_of(pruned);
        assert_ok(convert_sparse(shapes[i], texts_path));
        char *second = test_read_file(path, &again);
        assert_int_equal(bytes, again);
        assert_memory_equal(first, second, bytes);
        free(first);
        free(second);
        assert_ok(convert_sparse(shapes[i], NULL));
        vector_of(plain);
        double wrong = 0, wrong_plain = 0;
        for (int j = 0; j < 24; j++) {
            wrong += ((double)pruned[j] - (double)exact[j]) * ((double)pruned[j] - (double)exact[j]);
            wrong_plain += ((double)plain[j] - (double)exact[j]) * ((double)plain[j] - (double)exact[j]);
        }
        ratios += i < 4 ? wrong / wrong_plain : 0;
        if (i < 4 && !(wrong < 0.5 * wrong_plain))
            fail_msg("%s: %g on texts, %g by magnitude", shapes[i], wrong, wrong_plain);
    }
    if (!(ratios < 0.45)) /* 0.295; 0.743 if pruning aimed at each matrix's weights, not at the whole model's outputs */
        fail_msg("distances on texts to those by magnitude add up to %g", ratios);
    write_lines(1); /* far fewer tokens than inputs */
    assert_ok(convert_sparse("16x4:0.5", texts_path));
    write_lines(0);
    fails(convert_sparse("4x4:0.5", texts_path), TERN_INPUT, texts_path);
    fails(convert_sparse("4x4:0.5", "/nonexistent/texts"), TERN_FAILED, "/nonexistent/texts");
}

/* Sums of the report's lines: weights of sparse matrices, and those of them that are left. */
struct left {
    double all, left, least, most;
};

static void add_left(void *context, const char *line)
{
    struct left *l = context;
    int n, k;
    double per_cent;
    const char *at = strstr(line, "int4 [") ? strstr(line, "int4 [") : strstr(line, "int8 [");
    if (!at || sscanf(at, "int%*d [%d, %d] %lf %% of", &n, &k, &per_cent) != 3)
        return;
    l->all += (double)n * k;
    l->left += (double)n * k * per_cent / 100;
    l->least = fmin(l->least, per_cent);
    l->most = fmax(l->most, per_cent);
}

/* Squared distance of int4's vector from int8's, both pruned alike, on the same texts or on none. */
static double lost_to_int4(const char *sparse, const char *calibrate)
{
    struct left left[2] = {{0, 0, 100, 0}, {0, 0, 100, 0}};
    const tern_convert_options o = {.struct_bytes = sizeof o,
                                    .outliers = "off",
                                    .sparse = sparse,
                                    .calibrate = calibrate,
                                    .weights = "int4",
                                    .report = add_left,
                                    .context = &left[1]};
    const tern_convert_options wide = {.struct_bytes = sizeof wide,
                                       .outliers = "off",
                                       .sparse = sparse,
                                       .calibrate = calibrate,
                                       .report = add_left,
                                       .context = &left[0]};
    float int4[24], int8[24];
    double lost = 0;
    assert_ok(tern_convert(dir, path, &wide, &err));
    vector_of(int8);
    assert_ok(tern_convert(dir, path, &o, &err));
    vector_of(int4);
    assert_true(left[1].all > 0 && left[1].all == left[0].all);
    assert_true(left[1].left <= left[0].left); /* what was pruned stays so */
    for (int i = 0; i < 24; i++)
        lost += ((double)int4[i] - (double)int8[i]) * ((double)int4[i] - (double)int8[i]);
    return lost;
}

/* Texts serve twice: what is left after pruning gets its codes by second order too. */
static void test_pruned_to_int4(void **state)
{
    (void)state;
    write_lines(1500);
    if (!has_lapack)
        return;
    double second = 0, nearest = 0;
    for (int i = 0; i < 3; i++) {
        second += lost_to_int4(shapes[i], texts_path);
        nearest += lost_to_int4(shapes[i], NULL);
    }
    /* Compensated weights are larger than those that only lost their blocks: to the nearest they would lose 2.3 times
       as much. */
    if (!(second < 1.5 * nearest))
        fail_msg("%g on texts, %g without", second, nearest);
}

/* The fraction holds for all matrices together, to within half a block of each, and they differ. */
static void test_allocated(void **state)
{
    (void)state;
    size_t bytes, again;
    write_lines(1500);
    if (!has_lapack)
        return;
    static const char *const asked[] = {"4x4:0.5", "1x4:0.8", "4x1:0.97"};
    static const double fractions[] = {0.5, 0.8, 0.97};
    for (int i = 0; i < 3; i++) {
        struct left l = {0, 0, 100, 0};
        const tern_convert_options o = {.struct_bytes = sizeof o,
                                        .outliers = "off",
                                        .sparse = asked[i],
                                        .calibrate = texts_path,
                                        .allocate = 1,
                                        .report = add_left,
                                        .context = &l};
        assert_ok(tern_convert(dir, path, &o, &err));
        if (!(fabs(l.left / l.all - (1 - fractions[i])) < 0.01))
            fail_msg("%s: %.4f are left", asked[i], l.left / l.all);
        if (i < 2) /* not even the last rung suffices for 97 % */
            assert_true(l.most > l.least + 10);
        char *first = test_read_file(path, &bytes);
        assert_ok(tern_convert(dir, path, &o, &err));
        char *second = test_read_file(path, &again);
        assert_int_equal(bytes, again);
        assert_memory_equal(first, second, bytes);
        free(first);
        free(second);
    }
    const tern_convert_options no_texts = {.struct_bytes = sizeof no_texts, .sparse = "4x4:0.5", .allocate = 1};
    err = (tern_error){TERN_OK, ""};
    fails(tern_convert(dir, path, &no_texts, &err), TERN_USAGE, "allocation needs");
}

/* int4 is quantised with second order behind the pruning, and what is pruned stays zero: compensation would spread
   errors over it. */
static void test_low_bit(void **state)
{
    (void)state;
    const tern_convert_options o = {
        .struct_bytes = sizeof o, .outliers = "off", .weights = "int4", .sparse = "4x4:0.5", .calibrate = texts_path};
    write_lines(1500);
    if (!has_lapack) {
        fails(tern_convert(dir, path, &o, &err), TERN_USAGE, "LAPACK");
        return;
    }
    tern_model *model;
    assert_ok(tern_convert(dir, path, &o, &err));
    assert_ok(tern_model_open(&model, path, &err));
    for (int i = 0; i < model->config.layers; i++) {
        const struct tern_linear *w = &model->int8.layers[i].matrix[TERN_FFN_UP];
        int blocks = 0;
        for (int j = 0; j < tern_panels(w->n) * 4; j++)
            blocks += w->sparse.count[j];
        assert_non_null(w->codes.line);
        assert_in_range(blocks, 1, 30); /* of 10 x 6 */
    }
    tern_model_close(model);
}

static int setup(void **state)
{
    struct tern_lapack lapack;
    (void)state;
    test_temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/m.tern", dir);
    snprintf(texts_path, sizeof texts_path, "%s/texts.txt", dir);
    has_lapack = !tern_lapack_open(&lapack);
    if (!has_lapack)
        printf("no LAPACK here: nothing is pruned on texts\n");
    return test_write_checkpoint(dir, &small);
}

static int teardown(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pruned_on_texts), cmocka_unit_test(test_pruned_to_int4),
                                       cmocka_unit_test(test_allocated), cmocka_unit_test(test_low_bit)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
