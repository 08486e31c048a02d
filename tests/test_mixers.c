/* Windows and linear attention of BERT and what shares its layers: which keys of config.json are taken, the same bits
   alone and in a batch, extremes in the longest texts, and files that lie. Answers are those of tests/test_zoo.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/linear_attention.h"
#include "quant/checkpoint_config.h"
#include "quant/quantize_weights.h"
#include "simd/cpu.h"
#include "simd/table.h"
#include "tests/lies.h"

#include <math.h>

/* Of spec, with more members of config.json. */
static struct test_checkpoint_spec with(const char *members)
{
    struct test_checkpoint_spec s = spec;
    s.config = members;
    return s;
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

enum { ALL = TERN_ALL_TOKENS };

static void test_config(void **state)
{
#define LINEAR(map) "\"attention_kind\":\"linear\",\"feature_map\":\"" map "\""
    static const struct {
        const char *members, *says; /* says NULL: fine */
        int before[2];
        enum tern_mixer mixer[2];
    } cases[] = {
        {"\"attention_window\":null", NULL, {ALL, ALL}, {0, 0}},
        {"\"attention_window\":256", NULL, {128, 128}, {0, 0}},
        {"\"attention_window\":[2,null]", NULL, {1, ALL}, {0, 0}},
        {"\"attention_window\":[2]", "attention_window has 1 values for 2 layers", {0}, {0}},
        {"\"attention_window\":7", "attention_window of layer 0 is no even number", {0}, {0}},
        {"\"attention_window\":[8,0]", "attention_window of layer 1 is no even number", {0}, {0}},
        {"\"attention_window\":\"8\"", "attention_window of layer 0 is no even number", {0}, {0}},
        {"\"attention_kind\":\"softmax\"", NULL, {ALL, ALL}, {0, 0}},
        {LINEAR("elu"), NULL, {ALL, ALL}, {TERN_MIXER_ELU, TERN_MIXER_ELU}},
        {LINEAR("relu"), NULL, {ALL, ALL}, {TERN_MIXER_RELU, TERN_MIXER_RELU}},
        {"\"attention_kind\":[\"softmax\",\"linear\"],\"feature_map\":\"cosformer\",\"attention_window\":[6,null]",
         NULL,
         {3, ALL},
         {TERN_MIXER_SOFTMAX, TERN_MIXER_COSFORMER}},
        {"\"attention_kind\":\"hyena\"", "attention_kind hyena is not supported; softmax and linear are", {0}, {0}},
        {"\"attention_kind\":[\"linear\"]", "attention_kind has 1 values for 2 layers", {0}, {0}},
        {"\"attention_kind\":1", "attention_kind that is no string is not supported", {0}, {0}},
        {LINEAR("dpfp"), "feature_map dpfp is not supported; elu, relu and cosformer are", {0}, {0}},
        {"\"attention_kind\":\"linear\"", "feature_map that is no string", {0}, {0}},
        {LINEAR("elu") ",\"attention_window\":8",
         "linear attention, which sees all tokens, and an attention_window of 8",
         {0},
         {0}},
        {LINEAR("elu") ",\"attn_softmax\":\"clipped(-0.03:1)\"", "linear attention together with", {0}, {0}},
        {LINEAR("elu") ",\"position_embedding_type\":\"relative_key\"", "only absolute positions", {0}, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[300];
        struct tern_config c;
        snprintf(folder, sizeof folder, "%s/config", dir);
        const struct test_checkpoint_spec s = with(cases[i].members);
        assert_int_equal(test_write_checkpoint(folder, &s), 0);
        const tern_status status = tern_config_read_checkpoint(&c, &(struct tern_purpose){0}, folder, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].members, (int)status, err.message);
        for (int layer = 0; layer < 2 && !status; layer++) {
            assert_int_equal(c.layer[layer].before, cases[i].before[layer]);
            assert_int_equal(c.layer[layer].after, cases[i].before[layer]);
            assert_int_equal(c.layer[layer].mixer, cases[i].mixer[layer]);
        }
        tern_config_free(&c);
    }
}

/* Families with positions of their own refuse the keys by what has them. */
static void test_others(void **state)
{
    static const char *const cases[][2] = {
        {"\"attention_kind\":\"softmax\"", NULL},
        {"\"attention_window\":null", NULL},
        {LINEAR("elu"), "attention_kind is \"linear\"; linear attention is supported of BERT"},
        {"\"attention_window\":[8,8]", "attention_window is [8,8]; windows are supported of BERT"},
    };
    size_t size;
    char *config = test_read_file("tests/golden/zoo/mpnet/config.json", &size), text[2000];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct tern_config c;
        const int n = snprintf(text, sizeof text, "{%s,%s", cases[i][0], strchr(config, '{') + 1);
        test_write_file(dir, "config.json", text, (size_t)n);
        const tern_status status = tern_config_read_checkpoint(&c, &(struct tern_purpose){0}, dir, &err);
        if (status != (cases[i][1] ? TERN_FORMAT : TERN_OK) || (status && !strstr(err.message, cases[i][1])))
            fail_msg("%s: %d %s", cases[i][0], (int)status, err.message);
        tern_config_free(&c);
    }
    free(config);
}

/* ---- The same bits ----------------------------------------------------------------------------------------------- */

static void test_grouping(void **state)
{
    static const char *const members[] = {
        "\"attention_window\":[4,10]", LINEAR("elu"), LINEAR("cosformer"),
        "\"attention_kind\":[\"linear\",\"softmax\"],\"feature_map\":\"relu\",\"attention_window\":[null,6]"};
    enum { TEXTS = 12, MOST = TEXTS * 24 };
    (void)state;
    for (int i = 0; i < 4; i++) {
        const struct test_checkpoint_spec s = with(members[i]);
        const char *isas[16];
        float floats[MOST];
        int32_t alone[MOST], got[MOST];
        tern_model *model = e2e_model(&s, "int8", NULL);
        struct e2e_texts t = e2e_random_texts(model, TEXTS, 32, 7);
        t.n = TEXTS;
        const int n = e2e_isas(isas), numbers = TEXTS * e2e_width(model, E2E_EMBED);
        e2e_run(model, &t, &(struct e2e_run){NULL, 1, 1, 0, E2E_EMBED}, floats, alone);
        for (int k = 0; k < n; k++) {
            e2e_run(model, &t, &(struct e2e_run){isas[k], 1 + k % 3, TEXTS, 5, E2E_EMBED}, floats, got);
            if (memcmp(got, alone, (size_t)numbers * sizeof *got))
                fail_msg("%s: isa %s gives other bits in a batch", members[i], isas[k]);
        }
        e2e_free_texts(&t);
        tern_model_close(model);
    }
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

static void test_sine(void **state)
{
    static const int steps[] = {1, 2, 3, 7, 512, 4096, TERN_MAX_POSITIONS};
    (void)state;
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
        for (int i = 0; i <= steps[k]; i++) {
            const double sine = 32767 * sin(acos(0) * i / steps[k]);
            assert_true(fabs(tern_quarter_sine(i, steps[k]) - sine) <= 0.51);
        }
}

/* The map of all units and largest numbers stays within what the op takes, and is elu(x) + 1 times a factor. */
static void test_phi(void **state)
{
    (void)state;
    for (int e = -20; e <= 12; e++)
        for (int32_t amax = 1; amax <= 32767; amax = amax * 3 / 2 + 1) {
            const double unit = ldexp(1.1, e);
            const struct tern_elu elu = {tern_real_of(1 / unit), tern_real_of(unit * 1024 / log(2))};
            const struct tern_phi f = tern_phi_of(&elu, amax);
            assert_in_range(f.up, 0, 15);
            assert_true((amax << f.up) <= 32767 && f.one >= 0 && f.mul >= 0 && f.one + f.mul <= 32767);
            assert_true(f.shift >= 0 && f.shift <= 14 && (f.limit << f.shift) <= 32767 && f.octaves >= 0);
            const double half = ldexp(1 / unit, f.up - 1), factor = half <= 16383 ? half : f.one; /* of 1 */
            for (int32_t x = -amax; x <= amax; x += amax / 7 + 1) {
                const double v = x * unit, real = factor * (v < 0 ? exp(v) : 1 + v);
                const double allowed = 2 + 2e-3 * real + (f.shift == 14 ? factor : 0);
                if (fabs(tern_phi1((int16_t)x, &f) - fmax(real, 1)) > allowed)
                    fail_msg("unit 2^%d, amax %d: phi(%d) is %d, not %g", e, amax, x, tern_phi1((int16_t)x, &f), real);
            }
        }
}

/* ---- The longest texts ------------------------------------------------------------------------------------------- */

enum { D = 16 };

static void attend(enum tern_mixer mixer, int n, int16_t *q, int16_t *k, const int16_t *v, int16_t *out)
{
    static struct tern_config config;
    struct tern_ops ops;
    struct tern_attention a = {.ops = &ops};
    struct tern_arena arena = {0};
    const int32_t offsets[2] = {0, n};
    const tern_batch batch = {.n_texts = 1, .offsets = offsets};
    const double unit = 1 / 2000.0;
    const struct tern_elu elu = {tern_real_of(1 / unit), tern_real_of(unit * 1024 / log(2))};
    const struct tern_layer weights = {.elu_query = elu, .elu_key = elu};
    config.hidden = D;
    tern_config_set_layers(&config, 1, 1, 1, TERN_RELU);
    config.layer[0].mixer = mixer;
    tern_table_build(&ops, tern_cpu_features());
    assert_ok(tern_pool_open(&a.pool, 1, &err));
    tern_linear_attention_plan(&a, &arena, &config, n);
    assert_ok(tern_arena_open(&arena, &err));
    tern_linear_attention_plan(&a, &arena, &config, n);
    tern_linear_attention_run(&a, &config.layer[0], &weights, q, k, v, out, &batch);
    tern_arena_close(&arena);
    tern_pool_close(a.pool);
}

/* phi(x) of place i in double. */
static void features(enum tern_mixer mixer, const int16_t *x, int i, int n, double *out)
{
    for (int j = 0; j < D; j++) {
        const double v = x[j] / 2000.0, angle = acos(0) * (i + 1) / n, r = v > 0 ? v : 0;
        out[j] = mixer == TERN_MIXER_ELU ? (v < 0 ? exp(v) : v + 1) : mixer == TERN_MIXER_RELU ? r : r * cos(angle);
        out[D + j] = mixer == TERN_MIXER_COSFORMER ? r * sin(angle) : 0;
    }
}

/* The largest difference from doubles, of the largest value. */
static double error_of(enum tern_mixer mixer, int n, const int16_t *q, const int16_t *k, const int16_t *v,
                       const int16_t *out)
{
    static double sums[2 * D][D], z[2 * D];
    double f[2 * D], worst = 0, most = 1;
    memset(sums, 0, sizeof sums);
    memset(z, 0, sizeof z);
    for (int i = 0; i < n; i++) {
        features(mixer, k + i * D, i, n, f);
        for (int c = 0; c < 2 * D; c++) {
            z[c] += f[c];
            for (int j = 0; j < D; j++)
                sums[c][j] += f[c] * v[i * D + j];
        }
    }
    for (int i = 0; i < n; i++) {
        double all = 0;
        features(mixer, q + i * D, i, n, f);
        for (int c = 0; c < 2 * D; c++)
            all += f[c] * z[c];
        for (int j = 0; j < D; j++) {
            double sum = 0;
            for (int c = 0; c < 2 * D; c++)
                sum += f[c] * sums[c][j];
            worst = fmax(worst, fabs(sum / fmax(all, 1e-6) - out[i * D + j]));
            most = fmax(most, abs(v[i * D + j]));
        }
    }
    return worst / most;
}

/* How a text's numbers are: the largest ones, the same with changing signs, drawn, or the key of one token alone. */
enum { LARGEST, ALTERNATE, DRAWN, ONE_KEY, ZEROS, N_KINDS };

static void test_extremes(void **state)
{
    static const int lengths[] = {1, 2, 31, 257, TERN_MAX_POSITIONS};
    static int16_t x[3][TERN_MAX_POSITIONS * D], before[2][TERN_MAX_POSITIONS * D], out[TERN_MAX_POSITIONS * D];
    struct rng rng = rng_seeded(3, "mixers");
    (void)state;
    for (int kind = 0; kind < N_KINDS; kind++)
        for (int l = 0; l < 5; l++) {
            const int n = lengths[l];
            const enum tern_mixer mixer = (enum tern_mixer)(TERN_MIXER_ELU + (kind + l) % 3);
            for (int t = 0; t < 3; t++)
                for (int i = 0; i < n * D; i++) {
                    const int drawn = (int)rng_between(&rng, -8000, 16000);
                    x[t][i] =
                        (int16_t)(kind == LARGEST     ? 16000
                                  : kind == ALTERNATE ? (i + i / D + t) % 2 ? 16000 : -16000
                                  : kind == DRAWN || t == 2 || (kind == ONE_KEY && (t == 0 || i / D == n / 2)) ? drawn
                                                                                                               : 0);
                }
            memcpy(before, x, sizeof before);
            attend(mixer, n, x[0], x[1], x[2], out);
            const double error = error_of(mixer, n, before[0], before[1], x[2], out);
            if (!(error < 0.02))
                fail_msg("mixer %d, kind %d, %d tokens: error %.4f", mixer, kind, n, error);
        }
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static void test_lies(void **state)
{
#define LAYER(more) "[{\"count\":2,\"heads\":2,\"head_dim\":12,\"intermediate\":40,\"activation\":\"gelu\"," more "}]"
#define PARTS "\"norm\":\"layer\",\"place\":\"post\",\"position\":\"absolute\",\"gate\":\"none\","
#define SEES_ALL "\"before\":1048576,\"after\":1048576,"
    static const struct lie lies[] = {
        {"layer.0.elu", DROP, .says = "layer.0.elu"},
        {"layer.1.elu", RETYPE, .says = "layer.1.elu"},
        {"layer.0.elu", POKE, .index = 0, .value = 5, .says = "elu holds a real number out of range"},
        {"layer.0.elu", POKE, .index = 3, .value = 257, .says = "elu holds a real number out of range"},
        {"layer.0.elu", POKE, .index = 4, .value = -1, .says = "elu holds a real number out of range"},
        {"layer.0.elu", POKE, .index = 7, .value = -129, .says = "elu holds a real number out of range"},
        {"layer.0.elu", POKE, .index = 1, .value = -128},
        {"layer.0.elu", POKE, .index = 1, .value = 256},
        {"layer.0.elu", POKE, .index = 3, .value = -128},
        {"layer.0.elu", POKE, .index = 7, .value = 256},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS SEES_ALL "\"mixer\":\"hyena\""), .says = "mixer hyena is not"},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS SEES_ALL "\"mixer\":\"softmax\""), .says = "layer.0.score"},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS SEES_ALL "\"mixer\":\"relu\"")},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS SEES_ALL "\"mixer\":\"cosformer\"")},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS SEES_ALL "\"mixer\":\"elu\",\"block\":4"), .says = "linear"},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS "\"before\":4,\"after\":4,\"mixer\":\"elu\""), .says = "a window"},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS SEES_ALL "\"mixer\":\"elu\",\"clip_low\":4"), .says = "clipped"},
        {NULL, CONFIG, "layer", .text = LAYER(PARTS SEES_ALL "\"mixer\":\"elu\",\"conv\":3"), .says = "kernels"},
    };
    const struct test_checkpoint_spec s = with(LINEAR("elu"));
    char folder[300];
    (void)state;
    snprintf(folder, sizeof folder, "%s/elu", dir);
    snprintf(path, sizeof path, "%s/elu.tern", dir);
    assert_int_equal(test_write_checkpoint(folder, &s), 0);
    assert_ok(tern_convert(folder, path, NULL, &err));
    struct bytes file = read_bytes(path);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        check_lie(&file, &lies[i]);
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config), cmocka_unit_test(test_others), cmocka_unit_test(test_grouping),
        cmocka_unit_test(test_sine),   cmocka_unit_test(test_phi),    cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_lies),
    };
    test_temp_dir(dir, sizeof dir);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(dir);
    return failed;
}
