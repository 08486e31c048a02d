/* Weights trained in low bits: what lies on a grid, the rules of trainings against their papers, models whose matrices
   are kept, and strict conversion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/checkpoint.h"
#include "quant/convert.h"
#include "quant/lapack.h"
#include "quant/quantize_weights.h"
#include "quant/tern_convert.h"
#include "quant/trained.h"
#include "tests/e2e.h"
#include "tests/golden/trained.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;
static char dir[256], path[300];

/* ---- The grid --------------------------------------------------------------------------------------------------- */

static void on(int ternary, int binary, const float *w, int n, int k)
{
    for (int f = 0; f < TERN_N_FORMATS; f++) {
        const int expected = f == TERN_FORMAT_TERNARY ? ternary : f == TERN_FORMAT_BINARY ? binary : 0;
        if (tern_on_grid((enum tern_format)f, w, n, k) != expected)
            fail_msg("[%d, %d] from %g: on the %s grid should be %d", n, k, (double)w[0],
                     tern_format_name((enum tern_format)f), expected);
    }
}

static void test_grid(void **state)
{
    (void)state;
    const float a = 0.1f, f16 = 0x1.998p-4f, bf16 = 0x1.9ap-4f;
    on(1, 1, (float[]){a, -a, -a, a}, 2, 2);
    on(1, 0, (float[]){a, 0, -a, a}, 2, 2);
    on(1, 0, (float[]){a, -0.0f, -a, a}, 2, 2);
    on(1, 1, (float[]){a, -a, 3, 3}, 2, 2); /* per channel */
    on(0, 0, (float[]){a, -a, 3, a}, 2, 2);
    on(0, 0, (float[]){a, 3, -a, 3}, 2, 2);
    on(1, 1, (float[]){0, 0, -a, a}, 2, 2); /* a channel of zeros */
    on(1, 0, (float[]){0, 0, 0, a}, 2, 2);
    on(0, 0, (float[]){0, 0, -0.0f, 0}, 2, 2); /* nothing to keep */
    on(1, 1, (float[]){f16, -f16, f16}, 1, 3);
    on(1, 0, (float[]){bf16, -bf16, 0}, 1, 3);
    on(1, 1, (float[]){a, -nextafterf(a, 1)}, 1, 2);
    on(0, 0, (float[]){a, -a * (1 + 4e-6f)}, 1, 2);
    on(0, 0, (float[]){f16, -f16 * (1 + 0x1p-10f)}, 1, 2); /* the next number of f16 */
    on(0, 0, (float[]){a, 1e-30f}, 1, 2);
    on(1, 1, (float[]){3e38f, -3e38f, 1e-45f, 1e-45f}, 2, 2);
}

/* Weights on the grid come out of the quantiser as they went in: signs and the one magnitude, to the bit. */
static void test_grid_is_kept(void **state)
{
    (void)state;
    enum { K = 311 };
    static const enum tern_format formats[] = {TERN_FORMAT_TERNARY, TERN_FORMAT_BINARY};
    for (int f = 0; f < 2; f++)
        for (int share = 1; share <= 100; share += 9) { /* of weights that are not 0 */
            struct rng r = rng_seeded((uint64_t)share, "grid");
            const struct tern_coding coding = {.format = formats[f]};
            float w[TERN_PANEL * K], magnitude[TERN_PANEL], row[K];
            uint8_t codes[TERN_PANEL * K];
            double scale[TERN_PANEL];
            for (int i = 0; i < TERN_PANEL * K; i++) {
                if (i % K == 0)
                    magnitude[i / K] = (float)rng_between(&r, 1, 1000000) * 1.1e-6f;
                const int zero = formats[f] == TERN_FORMAT_TERNARY && i % K && rng_between(&r, 1, 100) > share;
                w[i] = zero ? 0 : rng_between(&r, 0, 1) ? magnitude[i / K] : -magnitude[i / K];
            }
            assert_true(tern_on_grid(formats[f], w, TERN_PANEL, K));
            tern_quantize_panel(&coding, w, TERN_PANEL, K, codes, NULL, scale, row);
            for (int i = 0; i < TERN_PANEL * K; i++) {
                assert_true(scale[i / K] == (double)magnitude[i / K]);
                assert_true(tern_codebook(formats[f])->value[codes[i]] * scale[i / K] == (double)w[i]);
            }
        }
}

/* ---- The rules -------------------------------------------------------------------------------------------------- */

static void test_rules(void **state)
{
    (void)state;
    enum { N = sizeof golden_latent / sizeof *golden_latent };
    static const struct {
        const char *name;
        enum tern_format format;
        const double *golden;
    } rules[] = {{"twn", TERN_FORMAT_TERNARY, golden_twn},
                 {"b1.58", TERN_FORMAT_TERNARY, golden_b158},
                 {"bitnet", TERN_FORMAT_BINARY, golden_bitnet}};
    assert_int_equal(tern_rule_find(NULL), TERN_RULE_NONE);
    assert_int_equal(tern_rule_find("TWN"), -1);
    assert_int_equal(tern_rule_find(""), -1);
    for (int r = 0; r < 3; r++) {
        const int rule = tern_rule_find(rules[r].name);
        float w[N], zeros[5] = {0, -0.0f, 0, 0, 0};
        assert_true(rule > TERN_RULE_NONE);
        assert_string_equal(tern_rule_name((enum tern_rule)rule), rules[r].name);
        assert_int_equal(tern_rule_format((enum tern_rule)rule), rules[r].format);
        for (int i = 0; i < N; i++)
            w[i] = (float)golden_latent[i];
        tern_rule_apply((enum tern_rule)rule, w, N);
        for (int i = 0; i < N; i++)
            if (fabs((double)w[i] - rules[r].golden[i]) > 1e-7)
                fail_msg("%s: weight %d is %.9f, not %.9f", rules[r].name, i, (double)w[i], rules[r].golden[i]);
        assert_true(tern_on_grid(rules[r].format, w, 6, N / 6)); /* per matrix, so per channel */
        tern_rule_apply((enum tern_rule)rule, zeros, 5);
        for (int i = 0; i < 5; i++)
            assert_true(zeros[i] == 0);
    }
}

/* On the thresholds: twn wants more than 0.7 mean|W|, halves round to even, Sign(0) is -1. */
static void test_rules_at_their_edges(void **state)
{
    (void)state;
    float b158[4] = {1, -1, 2, 4}, bitnet[4] = {1, 2, 3, 2}; /* means of 2 */
    tern_rule_apply(TERN_RULE_B158, b158, 4);
    tern_rule_apply(TERN_RULE_BITNET, bitnet, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(b158[i] == (i < 2 ? 0.0f : 2.0f));
        assert_true(bitnet[i] == (i == 2 ? 2.0f : -2.0f));
    }
    float small[2] = {4e-6f, 6e-6f}; /* below the least scale, 1e-5 */
    tern_rule_apply(TERN_RULE_B158, small, 2);
    assert_true(small[0] == 0 && small[1] == 1e-5f);
}

/* ---- Models ----------------------------------------------------------------------------------------------------- */

static int is_binary;

/* Matrices on a grid, per matrix but for one per channel and a binary one; gammas and betas that matter. */
static void make_trained(void *context, struct test_tensor *t)
{
    const char *const latent = context;
    if (!t->canonical || strncmp(t->canonical, "layer.", 6) != 0)
        return;
    const int norm = strstr(t->canonical, "norm") != NULL;
    for (size_t i = 0; norm && i < t->count; i++) /* about 0.9 +- 0.08 to 0.9 +- 0.4; 0 +- 0.03 to 0.3 */
        t->values[i] = strstr(t->canonical, ".weight") ? 0.9f + 5 * (t->values[i] - 0.9f) : 10 * t->values[i];
    if (t->n_dims != 2 || (latent && !strcmp(t->canonical, latent)))
        return;
    const int binary = is_binary || strstr(t->canonical, "ffn_up");
    tern_rule_apply(binary ? TERN_RULE_BITNET : TERN_RULE_TWN, t->values, t->count);
    if (strstr(t->canonical, "1.value"))
        for (size_t i = 0; i < t->count; i++)
            t->values[i] *= 1 + (float)(i / (size_t)t->shape[1] % 7);
}

// clang-format off
static struct test_checkpoint_spec spec_of(const char *latent)
{
    return (struct test_checkpoint_spec){.seed = 71, .hidden = 72, .heads = 3, .intermediate = 200, .vocab = 150,
                                         .pooler = 1, .n_labels = 3, .pooling = "mean", .edit = make_trained,
                                         .context = (void *)(uintptr_t)latent};
}
// clang-format on

static void rewrite(const struct test_checkpoint_spec *spec)
{
    test_remove_dir(dir);
    test_temp_dir(dir, sizeof dir);
    if (test_write_checkpoint(dir, spec))
        abort();
    snprintf(path, sizeof path, "%s/m.tern", dir);
}

struct heard {
    int kept, exact, instead;
};

static void hear(void *context, const char *line)
{
    struct heard *h = context;
    h->kept += strstr(line, "kept as trained") != NULL;
    h->exact += strstr(line, "kept as trained") && strstr(line, "error 0.00e+00");
    h->instead += strstr(line, "int8 [") && strstr(line, "instead of ");
}

static struct heard convert(const tern_convert_options *options)
{
    struct heard h = {0, 0, 0};
    tern_convert_options o = *options;
    o.struct_bytes = sizeof o;
    o.outliers = "off"; /* the matrices as they were trained */
    o.report = hear;
    o.context = &h;
    assert_ok(tern_convert(dir, path, &o, &err));
    return h;
}

/* The vectors and logits of some texts: their mean cosine with another model's; the same bits on every row. */
static double compare(const tern_model *a, const tern_model *b, enum e2e_task task)
{
    enum { TEXTS = 12, WIDEST = 72 };
    const int width = e2e_width(a, task);
    const char *isas[16];
    struct e2e_texts t = e2e_random_texts(a, TEXTS, 40, 5);
    float x[TEXTS * WIDEST], y[TEXTS * WIDEST];
    int32_t expected[TEXTS * WIDEST], got[TEXTS * WIDEST];
    double sum = 0;
    for (int i = 0, n = e2e_isas(isas); i < n; i++) {
        const struct e2e_run how = {isas[i], 1 + i % 2, i % 2 ? 1 : TEXTS, 0, task};
        e2e_run(a, &t, &how, x, i ? got : expected);
        if (i)
            assert_memory_equal(got, expected, (size_t)(TEXTS * width) * sizeof *got);
    }
    const struct e2e_run how = {NULL, 1, TEXTS, 0, task};
    e2e_run(b, &t, &how, y, NULL);
    for (int i = 0; i < TEXTS; i++)
        sum += e2e_cosine(x + i * width, y + i * width, width) / TEXTS;
    e2e_free_texts(&t);
    return sum;
}

static tern_model *open_model(void)
{
    tern_model *model;
    assert_ok(tern_model_open(&model, path, &err));
    return model;
}

static tern_model *open_floats(const char *trained)
{
    convert(&(tern_convert_options){.weights = "f32", .trained = trained});
    return open_model();
}

/* Every code is its weight's sign, and the scales stand to each other as the channels' magnitudes do. */
static void check_codes(const struct tern_linear *l, const struct tern_f32_linear *f)
{
    float most = 0;
    assert_non_null(l->codes.line);
    for (int i = 0; i < f->n * f->k; i++)
        most = fmaxf(most, fabsf(f->w[i]));
    for (int j = 0; j < f->n; j++) {
        const uint8_t *line = l->codes.line + (ptrdiff_t)(j / TERN_PANEL) *
                                                  tern_code_lines(l->codes.book->bits, tern_k4(f->k)) * TERN_LINE;
        for (int i = 0; i < f->k; i++) {
            const float w = f->w[j * f->k + i];
            const int code =
                tern_code_get(line, l->codes.book->bits, i / TERN_PANEL_K, j % TERN_PANEL, i % TERN_PANEL_K);
            assert_int_equal(l->codes.book->value[code], (w > 0) - (w < 0));
            if (w != 0)
                assert_int_equal(l->mul[j], lrint((double)fabsf(w) / (double)most * 32767));
        }
    }
}

static void check_all_codes(const tern_model *low, const tern_model *floats)
{
    for (int i = 0; i < low->config.layers; i++) {
        const struct tern_layer *l = &low->int8.layers[i];
        const struct tern_f32_layer *f = &floats->f32.layers[i];
        for (int j = 0; j < TERN_N_MATRICES; j++)
            if (f->matrix[j].n) /* a gate is not there */
                check_codes(&l->matrix[j], &f->matrix[j]);
        assert_int_equal(l->norm[TERN_ATTN_NORM].affine, 1);
        assert_int_equal(l->norm[TERN_FFN_NORM].affine, i + 1 < low->config.layers); /* the heads are int8, folded */
    }
    assert_int_equal(low->int8.embed_norm.affine, 1);
}

static tern_status read_again(void *context, struct tern_key key, float *out, size_t count, tern_error *error)
{
    return tern_checkpoint_read(context, key, out, count, error);
}

/* The same without looking for trained weights. */
static double cosine_when_folded(const char *weights, const tern_model *floats)
{
    struct tern_checkpoint checkpoint;
    tern_model *model;
    void *bytes;
    assert_ok(tern_checkpoint_open(&checkpoint, dir, NULL, &err));
    checkpoint.config.weights = (enum tern_weights)tern_weights_find(weights);
    const struct tern_source source = {.config = &checkpoint.config, .read = read_again, .context = &checkpoint};
    assert_ok(tern_build_model(&model, &bytes, &source, NULL, &err));
    const double c = compare(model, floats, E2E_EMBED);
    tern_model_close(model);
    free(bytes);
    tern_checkpoint_close(&checkpoint);
    return c;
}

static void test_trained_models(void **state)
{
    (void)state;
    static const enum tern_dtype dtypes[] = {TERN_F32, TERN_F16, TERN_BF16};
    for (int i = 0; i < 6; i++) {
        const char *weights = i < 3 ? "ternary" : "binary";
        struct test_checkpoint_spec spec = spec_of(NULL);
        is_binary = i >= 3;
        spec.dtype = dtypes[i % 3];
        rewrite(&spec);
        tern_model *floats = open_floats(NULL);
        const struct heard h = convert(&(tern_convert_options){.weights = weights});
        assert_int_equal(h.kept, 12);
        assert_int_equal(h.exact, 12);
        assert_int_equal(h.instead, 2);
        tern_model *low = open_model();
        check_all_codes(low, floats);
        const double vectors = compare(low, floats, E2E_EMBED), logits = compare(low, floats, E2E_CLASSIFY);
        const double folded = cosine_when_folded(weights, floats);
        printf("%s, %s: vectors' cosine with f32 %.6f, logits' %.6f; vectors' when gamma is folded %.6f\n", weights,
               tern_dtype_name(spec.dtype), vectors, logits, folded);
        assert_true(vectors > 0.999 && logits > 0.999 && folded < vectors);
        tern_model_close(low);
        tern_model_close(floats);
    }
    is_binary = 0;
}

/* One matrix off the grid is quantised, as the others that read the same rows are kept. With calibration, too. */
static void test_one_is_not(void **state)
{
    (void)state;
    static const char *const latent[] = {"layer.1.key.weight", "layer.0.ffn_up.weight", "layer.0.ffn_down.weight"};
    struct tern_lapack lapack;
    const int calibrates = !tern_lapack_open(&lapack);
    for (int i = 0; i < 3; i++) {
        char texts[300];
        struct test_checkpoint_spec spec = spec_of(latent[i]);
        rewrite(&spec);
        assert_int_equal(test_write_file(dir, "texts", "one two\nand three, four\nfive\n", 29), 0);
        snprintf(texts, sizeof texts, "%s/texts", dir);
        for (int calibrate = 0; calibrate <= calibrates; calibrate++) {
            const struct heard h =
                convert(&(tern_convert_options){.weights = "ternary", .calibrate = calibrate ? texts : NULL});
            assert_int_equal(h.kept, 11);
            assert_int_equal(h.exact, 11);
            tern_model *low = open_model();
            assert_int_equal(low->int8.layers[0].norm[TERN_ATTN_NORM].affine, i != 1); /* ffn_up reads it alone */
            assert_int_equal(low->int8.layers[0].norm[TERN_FFN_NORM].affine, 1);
            tern_model_close(low);
        }
    }
    assert_int_equal(convert(&(tern_convert_options){.weights = "int8"}).kept, 0);
    assert_int_equal(convert(&(tern_convert_options){.weights = "int2"}).kept, 0);
}

/* BitNet's sub-norms, which tools/train adds: what attn_out and ffn_down read keeps its affine part, too. */
static void test_sub_norms(void **state)
{
    (void)state;
    static const enum tern_architecture families[] = {TERN_BERT, TERN_DISTILBERT};
    for (int i = 0; i < 2; i++) {
        struct test_checkpoint_spec spec = spec_of(NULL);
        spec.architecture = families[i];
        spec.sub_norms = 1;
        rewrite(&spec);
        tern_model *floats = open_floats(NULL);
        const struct heard h = convert(&(tern_convert_options){.weights = "ternary"});
        assert_int_equal(h.exact, 12);
        tern_model *low = open_model();
        for (int layer = 0; layer < 2; layer++) {
            assert_int_equal(low->config.layer[layer].sub_norm, 1);
            assert_int_equal(low->int8.layers[layer].norm[TERN_ATTN_SUB_NORM].affine, 1);
            assert_int_equal(low->int8.layers[layer].norm[TERN_FFN_SUB_NORM].affine, 1);
        }
        assert_true(compare(low, floats, E2E_CLASSIFY) > 0.999);
        tern_model_close(low);
        tern_model_close(floats);
    }
}

/* Latent floats: what the rule makes of them is the model, in low bits and in floats. */
static void test_latent_models(void **state)
{
    (void)state;
    static const char *const ways[][2] = {{"ternary", "twn"}, {"ternary", "b1.58"}, {"binary", "bitnet"}};
    struct test_checkpoint_spec spec = spec_of(NULL);
    spec.edit = NULL;
    rewrite(&spec);
    for (int i = 0; i < 3; i++) {
        tern_model *floats = open_floats(ways[i][1]);
        const struct heard h = convert(&(tern_convert_options){.weights = ways[i][0], .trained = ways[i][1]});
        assert_int_equal(h.exact, 12);
        tern_model *low = open_model();
        check_all_codes(low, floats);
        assert_true(compare(low, floats, E2E_EMBED) > 0.999);
        tern_model_close(low);
        tern_model_close(floats);
    }
}

/* ---- Options ---------------------------------------------------------------------------------------------------- */

static void refused(const tern_convert_options *options, const char *says)
{
    tern_convert_options o = *options;
    struct dirent *entry;
    o.struct_bytes = sizeof o;
    remove(path);
    err = (tern_error){TERN_OK, ""};
    assert_int_equal(tern_convert(dir, path, &o, &err), TERN_USAGE);
    if (!strstr(err.message, says) || strchr(err.message, '\n'))
        fail_msg("'%s' is not one line that says '%s'", err.message, says);
    DIR *d = opendir(dir);
    while ((entry = readdir(d)))
        assert_null(strstr(entry->d_name, ".tern"));
    closedir(d);
}

static void test_refused(void **state)
{
    (void)state;
    struct test_checkpoint_spec spec = spec_of(NULL);
    rewrite(&spec);
    refused(&(tern_convert_options){.weights = "ternary", .trained = "bwn"}, "'bwn'");
    refused(&(tern_convert_options){.weights = "ternary", .trained = "bitnet"}, "ask for weights 'binary'");
    refused(&(tern_convert_options){.weights = "binary", .trained = "twn"}, "ask for weights 'ternary'");
    refused(&(tern_convert_options){.trained = "b1.58"}, "are ternary, not int8");
    refused(&(tern_convert_options){.weights = "auto:3", .calibrate = dir, .trained = "twn"}, "not mixed");
    refused(&(tern_convert_options){.weights = "ternary", .calibrate = dir, .trained = "twn"}, "leave out");
    refused(&(tern_convert_options){.weights = "ternary", .rest = "int4"}, "'int4'");
    refused(&(tern_convert_options){.weights = "f32", .rest = "int8"}, "f32");
}

static void test_strict(void **state)
{
    (void)state;
    struct test_checkpoint_spec spec = spec_of(NULL);
    rewrite(&spec);
    refused(&(tern_convert_options){.weights = "ternary", .strict = 1}, "pooler would be int8, not ternary");
    refused(&(tern_convert_options){.weights = "int4", .strict = 1}, "--rest int8");
    refused(&(tern_convert_options){.weights = "int8", .embeddings = "int4", .strict = 1},
            "embed.position would be int8, not int4");
    assert_int_equal(convert(&(tern_convert_options){.weights = "ternary", .strict = 1, .rest = "int8"}).instead, 0);
    convert(&(tern_convert_options){.weights = "binary", .embeddings = "ternary", .strict = 1, .rest = "int8"});
    convert(&(tern_convert_options){.weights = "int8", .strict = 1});
    convert(&(tern_convert_options){.weights = "f32", .strict = 1});
    spec.pooler = spec.n_labels = 0; /* nothing but an encoder */
    rewrite(&spec);
    convert(&(tern_convert_options){.weights = "ternary", .strict = 1});
    convert(&(tern_convert_options){.weights = "int4", .embeddings = "int8", .strict = 1});
    refused(&(tern_convert_options){.weights = "ternary", .embeddings = "ternary", .strict = 1}, "embed.position");
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
        cmocka_unit_test(test_grid),           cmocka_unit_test(test_grid_is_kept),
        cmocka_unit_test(test_rules),          cmocka_unit_test(test_rules_at_their_edges),
        cmocka_unit_test(test_trained_models), cmocka_unit_test(test_one_is_not),
        cmocka_unit_test(test_latent_models),  cmocka_unit_test(test_sub_norms),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_strict),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
