/* Checkpoints that were trained on a grid and say so in tern_grid.json: what PyTorch exported comes back to the code, a
   whole model is kept with its repeated columns, and a file that does not fit is refused by what is wrong in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/convert.h"
#include "quant/quantize_weights.h"
#include "quant/tern_convert.h"
#include "tests/e2e.h"
#include "tests/golden/grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;
static char dir[256], path[300];

/* ---- Matrices from PyTorch --------------------------------------------------------------------------------------- */

/* The exported weights, times gamma again, are the values that the training multiplied with, wherever a column stands.
 */
static void check_golden(enum tern_format format, const float *weight, const float *values)
{
    enum { COPIES = sizeof golden_copies / sizeof *golden_copies, ALL = GOLDEN_K + COPIES };
    const struct tern_copies copies = {golden_copies, COPIES};
    const struct tern_coding coding = {.format = format, .group = 32, .copies = &copies};
    float rows[GOLDEN_N * ALL], scratch[2 * ALL];
    uint8_t codes[GOLDEN_N * ALL], mul[TERN_PANEL * (ALL / 32 + 1)];
    double scale[GOLDEN_N];
    for (int j = 0; j < GOLDEN_N; j++)
        for (int i = 0; i < ALL; i++) {
            const int column = i < GOLDEN_K ? i : golden_copies[i - GOLDEN_K];
            rows[j * ALL + i] = weight[j * GOLDEN_K + column] * golden_gamma[column];
        }
    tern_quantize_panel(&coding, rows, GOLDEN_N, GOLDEN_K, codes, mul, scale, scratch);
    for (int j = 0; j < GOLDEN_N; j++) {
        float mean[ALL];
        for (int i = 0; i < ALL; i++) {
            const float value = (float)tern_coded_value(&coding, codes[j * ALL + i], mul, j, i);
            if (i < GOLDEN_K)
                mean[i] = value;
            else
                mean[golden_copies[i - GOLDEN_K]] += value;
        }
        tern_sums_to_means(mean, &copies);
        for (int i = 0; i < GOLDEN_K; i++) {
            const double got = (double)mean[i] * scale[j], expected = (double)values[j * GOLDEN_K + i];
            if (fabs(got - expected) > 1e-4 * scale[j])
                fail_msg("%s: row %d, column %d is %g, not %g", tern_format_name(format), j, i, got, expected);
        }
    }
}

static void test_golden(void **state)
{
    (void)state;
    check_golden(TERN_FORMAT_INT8, golden_int8_weight, golden_int8_values);
    check_golden(TERN_FORMAT_INT4, golden_int4_weight, golden_int4_values);
}

/* ---- Models ------------------------------------------------------------------------------------------------------ */

enum { HIDDEN = 72, INTERMEDIATE = 200, GROUP = 32 };
static const char qkv[] = "1, 1, 1, 40, 70, 70, 71, 71", down[] = "0, 199, 199, 199";
static const char *spoiled; /* the tensor of which one weight is off the grid; NULL: none */

static float gamma_at(size_t i)
{
    return i == 9 ? 0 : (i % 3 ? 1.0f : -1.0f) * (0.3f + (float)(i * 7 % 13) / 10);
}

static int column_scale(size_t j)
{
    return 32767 - (int)(j * 311);
}

/* Whether a column is repeated in its matrix, by the lists above. */
static int times_of(const char *name, size_t column)
{
    if (strstr(name, "query") || strstr(name, "key") || strstr(name, "value"))
        return column == 1 ? 4 : column == 40 ? 2 : column == 70 || column == 71 ? 3 : 1;
    return strstr(name, "ffn_down") ? (column == 0 ? 2 : column == 199 ? 4 : 1) : 1;
}

/* Row `row` of a matrix to values of a grid that is its own. */
static void grid_row(const char *name, int int4, float *w, size_t k, uint64_t row)
{
    struct rng r = rng_seeded(row, name);
    const float unit = (float)rng_between(&r, 1, 1000) * 1e-5f;
    const int alike = (int)rng_between(&r, 1, 15);
    int mul = 1;
    for (size_t i = 0; i < k; i++) {
        const int times = times_of(name, i);
        if (i % GROUP == 0)
            mul =
                times_of(name, 0) + times_of(name, 1) + times_of(name, k - 1) > 3 ? alike : (int)rng_between(&r, 1, 15);
        if (int4)
            w[i] = unit * (float)(mul * rng_between(&r, -8, 7));
        else
            w[i] = unit * (i == k / 2 ? 127 : (float)rng_between(&r, -126 * times, 126 * times) / (float)times);
    }
}

static int is_int4;

static void make_grid(void *context, struct test_tensor *t)
{
    (void)context;
    const char *const name = t->canonical;
    if (!name)
        return;
    const size_t k = t->n_dims == 2 ? (size_t)t->shape[1] : 0, rows = k ? t->count / k : 0;
    const int layer = !strncmp(name, "layer.", 6), word = !strcmp(name, "embed.word.weight");
    if (!k && strstr(name, "norm") && strstr(name, ".weight"))
        for (size_t i = 0; i < t->count; i++)
            t->values[i] = gamma_at(i);
    for (size_t j = 0; j < rows && (layer || word); j++)
        grid_row(name, is_int4, t->values + j * k, k, j);
    const int folded = strstr(name, "query") || strstr(name, "key") || strstr(name, "value") || strstr(name, "ffn_up");
    for (size_t i = 0; i < rows * k && (word || (layer && folded)); i++) {
        const float gamma = gamma_at(i % k);
        t->values[i] = word ? t->values[i] * (float)column_scale(i % k) * 1e-4f : gamma == 0 ? 1 : t->values[i] / gamma;
    }
    if (word && is_int4) /* one unit for the whole row */
        for (size_t i = 0; i < rows * k; i++)
            t->values[i] = (float)((int)(i * 7 % 16) - 8) * 1e-3f * (float)column_scale(i % k) / 32767;
    if (spoiled && !strcmp(name, spoiled))
        t->values[3] *= 1.01f;
}

static void write_grid(const char *text)
{
    char all[8192];
    int n = 0;
    if (text)
        n = snprintf(all, sizeof all, "%s", text);
    else {
        n = snprintf(all, sizeof all, "{\"version\": 1, \"weights\": \"%s\", \"embeddings\": \"%s\", ",
                     is_int4 ? "int4" : "int8", is_int4 ? "int4" : "int8");
        n += snprintf(all + n, sizeof all - (size_t)n, "%s\"columns\": [", is_int4 ? "\"group\": 32, " : "");
        for (size_t j = 0; j < HIDDEN; j++)
            n += snprintf(all + n, sizeof all - (size_t)n, "%s%d", j ? ", " : "", column_scale(j));
        n += snprintf(all + n, sizeof all - (size_t)n, "], \"copies\": {");
        for (int layer = 0; layer < 2; layer++)
            n += snprintf(all + n, sizeof all - (size_t)n, "%s\"layer.%d.qkv\": [%s], \"layer.%d.ffn_down\": [%s]",
                          layer ? ", " : "", layer, qkv, layer, down);
        n += snprintf(all + n, sizeof all - (size_t)n, "}}");
    }
    assert_int_equal(test_write_file(dir, "tern_grid.json", all, (size_t)n), 0);
}

static void rewrite(void)
{
    const struct test_checkpoint_spec spec = {.seed = 3,
                                              .hidden = HIDDEN,
                                              .heads = 3,
                                              .intermediate = INTERMEDIATE,
                                              .vocab = 150,
                                              .pooler = 1,
                                              .n_labels = 3,
                                              .edit = make_grid};
    test_remove_dir(dir);
    test_temp_dir(dir, sizeof dir);
    if (test_write_checkpoint(dir, &spec))
        abort();
    snprintf(path, sizeof path, "%s/m.tern", dir);
    write_grid(NULL);
}

struct heard {
    int kept, exact, grid, aside, in_blocks; /* exactly */
};

static void hear(void *context, const char *line)
{
    struct heard *h = context;
    const char *const error = strstr(line, "error ");
    h->kept += strstr(line, "kept as trained") != NULL;
    h->exact += strstr(line, "kept as trained") && error && atof(error + 6) < 1e-12;
    h->grid += !strncmp(line, "tern_grid.json: trained for", 27) && strstr(line, "24 repeated columns in 4 inputs");
    h->in_blocks += strstr(line, "of 16x4 blocks left") && error && atof(error + 6) < 1e-12;
    h->aside += !strncmp(line, "tern_grid.json is set aside", 27);
}

static tern_status convert(const tern_convert_options *options, struct heard *h)
{
    tern_convert_options o = *options;
    *h = (struct heard){0};
    o.struct_bytes = sizeof o;
    o.report = hear;
    o.context = h;
    err = (tern_error){TERN_OK, ""};
    return tern_convert(dir, path, &o, &err);
}

/* What stands at all places of a column adds up to its weight times how often it stands, in units of the row's first
   repeated value: whole numbers that are known. */
static void check_matrix(const char *name, const struct tern_linear *l, int k)
{
    for (int j = 0; j < l->n; j++) {
        float w[INTERMEDIATE];
        grid_row(name, is_int4, w, (size_t)k, (uint64_t)j);
        double peak = 0, of_peak = 0;
        for (int i = 0; i < k; i++) {
            const int folded_away = k == HIDDEN && !strstr(name, "attn_out") && gamma_at((size_t)i) == 0;
            const int panel = j / TERN_PANEL, channel = j % TERN_PANEL, k4 = tern_k4(l->k);
            int value;
            if (times_of(name, (size_t)i) > 1 || folded_away)
                continue;
            if (l->weight)
                value = l->weight[((ptrdiff_t)(panel * k4 + i / TERN_PANEL_K) * TERN_PANEL + channel) * TERN_PANEL_K +
                                  i % TERN_PANEL_K];
            else {
                const int groups = (l->k + GROUP - 1) / GROUP;
                const int code = tern_code_get(l->codes.line + (ptrdiff_t)panel * tern_code_lines(4, k4) * TERN_LINE, 4,
                                               i / TERN_PANEL_K, channel, i % TERN_PANEL_K);
                value = l->codes.book->value[code] *
                        l->codes.mul[(ptrdiff_t)(panel * groups + i / GROUP) * TERN_PANEL + channel];
            }
            if (fabs((double)w[i]) > fabs(peak)) {
                peak = (double)w[i];
                of_peak = value;
            } else if (peak != 0 && fabs(value * peak - (double)w[i] * of_peak) > 1e-3 * fabs(peak))
                fail_msg("%s: row %d, column %d: %d, where %g is %g and this weight %g", name, j, i, value, peak,
                         of_peak, (double)w[i]);
        }
    }
}

static void test_models(void **state)
{
    (void)state;
    static const char *const names[] = {"query", "key", "value", "attn_out", "ffn_up", "ffn_down"};
    for (is_int4 = 0; is_int4 < 2; is_int4++) {
        struct heard h;
        tern_model *model;
        rewrite();
        for (int same = 0; same < 2; same++) { /* without options, and with those that say the same */
            assert_ok(convert(&(tern_convert_options){.weights = !same ? NULL : is_int4 ? "int4" : "int8"}, &h));
            assert_int_equal(h.kept, 13);
            assert_int_equal(h.exact, 13);
            assert_int_equal(h.grid, 1);
        }
        assert_ok(tern_model_open(&model, path, &err));
        for (int i = 0; i < 2; i++)
            for (int m = 0; m < 6; m++) {
                char name[40];
                snprintf(name, sizeof name, "layer.%d.%s.weight", i, names[m]);
                const struct tern_linear *l = NULL;
                for (int j = 0; j < TERN_N_MATRICES; j++)
                    if (!strcmp(tern_matrix_part((enum tern_matrix)j)->name, names[m]))
                        l = &model->int8.layers[i].matrix[j];
                assert_non_null(l);
                assert_int_equal(l->k, (m == 5 ? INTERMEDIATE : HIDDEN) + (m < 3 ? 8 : m == 5 ? 4 : 0));
                check_matrix(name, l, m == 5 ? INTERMEDIATE : HIDDEN);
            }
        for (int j = 0; j < HIDDEN; j++)
            assert_int_equal(model->int8.column[j], column_scale((size_t)j));
        tern_model_close(model);
    }
    is_int4 = 0;
}

/* Blocks do not set the file aside: the same weights are stored, and the same repeated columns. Before, a model that
   was pruned and trained was quantised anew, with other columns. */
static void test_blocks(void **state)
{
    (void)state;
    for (is_int4 = 0; is_int4 < 2; is_int4++) {
        struct heard h;
        tern_model *model;
        rewrite();
        assert_ok(convert(&(tern_convert_options){.sparse = "16x4"}, &h));
        assert_int_equal(h.grid, 1);
        assert_int_equal(h.aside, 0);
        assert_int_equal(h.in_blocks, 12);
        assert_ok(tern_model_open(&model, path, &err));
        for (int j = 0; j < HIDDEN; j++)
            assert_int_equal(model->int8.column[j], column_scale((size_t)j));
        tern_model_close(model);
    }
    is_int4 = 0;
}

/* Options that ask for something else make it an ordinary checkpoint. */
static void test_set_aside(void **state)
{
    (void)state;
    static const tern_convert_options other[] = {{.weights = "int4", .outliers = "off"},
                                                 {.embeddings = "int4", .outliers = "off"},
                                                 {.outliers = "off"},
                                                 {.sparse = "16x4:0.5"}};
    struct heard h;
    rewrite();
    for (int i = 0; i < 4; i++) {
        assert_ok(convert(&other[i], &h));
        assert_int_equal(h.aside, 1);
        assert_int_equal(h.kept, 0);
    }
    assert_ok(convert(&(tern_convert_options){.weights = "f32"}, &h));
    assert_int_equal(h.aside, 1);
}

/* ---- What does not fit ------------------------------------------------------------------------------------------- */

static void refused(tern_status code, const char *says)
{
    struct heard h;
    remove(path);
    assert_int_equal(convert(&(tern_convert_options){.weights = NULL}, &h), code);
    if (!strstr(err.message, says) || !strstr(err.message, "tern_grid.json") || strchr(err.message, '\n'))
        fail_msg("'%s' is not one line that says '%s'", err.message, says);
    assert_null(fopen(path, "rb"));
}

static void test_off_grid(void **state)
{
    (void)state;
    static const char *const tensors[] = {"layer.1.key.weight", "layer.0.ffn_down.weight", "embed.word.weight"};
    static const char *const says[] = {"encoder.layer.1.attention.self.key.weight",
                                       "encoder.layer.0.output.dense.weight", "word_embeddings.weight"};
    for (is_int4 = 0; is_int4 < 2; is_int4++)
        for (int i = 0; i < 3; i++) {
            spoiled = tensors[i];
            rewrite();
            refused(TERN_DIFFERENT, says[i]);
        }
    is_int4 = 0;
    spoiled = NULL;
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"[]", "version"},
        {"{", "tern_grid.json"},
        {"{\"version\": 2, \"weights\": \"int8\", \"embeddings\": \"int8\"}", "version is 2"},
        {"{\"version\": 1, \"embeddings\": \"int8\"}", "weights is missing"},
        {"{\"version\": 1, \"weights\": \"int9\", \"embeddings\": \"int8\"}", "'int9'"},
        {"{\"version\": 1, \"weights\": \"f32\", \"embeddings\": \"int8\"}", "'f32'"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"nf4\"}", "'nf4'"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"group\": 32}", "group is 32"},
        {"{\"version\": 1, \"weights\": \"int4\", \"embeddings\": \"int8\"}", "group is missing"},
        {"{\"version\": 1, \"weights\": \"int4\", \"embeddings\": \"int8\", \"group\": 48}", "group is 48"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"bits\": 8}", "bits"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"columns\": [1, 2]}", "72 numbers"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"copies\": [1]}",
         "copies must be an object"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"copies\": {\"layer.2.qkv\": [1]}}",
         "'layer.2.qkv' is no input"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"copies\": {\"layer.0.widen\": [1]}}",
         "'layer.0.widen' is no input"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"copies\": {\"layer.0.qkv\": 7}}",
         "layer.0.qkv must be a list"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"copies\": {\"layer.0.qkv\": [72]}}",
         "layer.0.qkv repeats a column that does not exist"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"copies\": {\"layer.0.qkv\": [-1]}}",
         "layer.0.qkv repeats a column that does not exist"},
        {"{\"version\": 1, \"weights\": \"int8\", \"embeddings\": \"int8\", \"copies\": {\"layer.0.ffn_up\": [4, 3]}}",
         "layer.0.ffn_up is not in rising order"},
    };
    rewrite();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_grid(files[i][0]);
        refused(TERN_FORMAT, files[i][1]);
    }
}

static int setup(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),   cmocka_unit_test(test_models),  cmocka_unit_test(test_set_aside),
        cmocka_unit_test(test_off_grid), cmocka_unit_test(test_refused), cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
