/* Shapes that pruning, search and training leave, beyond what tests/test_zoo.c compares with PyTorch: a model of the
   first neurons as a file and as a session's option, low bits, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/config_private.h"
#include "models/json.h"
#include "quant/checkpoint.h"
#include "quant/convert.h"
#include "quant/ffn_width.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tern_error err;
enum { TOKENS = 40, LABELS = 3 };

/* A checkpoint of the zoo, whole or of its first neurons. */
struct given {
    struct tern_checkpoint checkpoint;
    struct tern_config narrow;
    float expected[LABELS];
    int32_t ids[TOKENS], types[TOKENS], offsets[2];
};

static void open_given(struct given *g, const char *name)
{
    char path[256];
    json_t *expected;
    snprintf(path, sizeof path, "tests/golden/zoo/%s", name);
    assert_ok(tern_checkpoint_open(&g->checkpoint, path, NULL, &err));
    g->narrow = g->checkpoint.config;
    snprintf(path, sizeof path, "tests/golden/zoo/%s/expected.json", name);
    assert_ok(tern_json_read_file(&expected, path, 1 << 20, 0, &err));
    const json_t *const answer = json_array_get(json_object_get(expected, "answers"), 2);
    for (size_t i = 0; i < LABELS; i++)
        g->expected[i] = (float)json_number_value(json_array_get(answer, i));
    for (size_t i = 0; i < TOKENS; i++) {
        g->ids[i] = (int32_t)json_integer_value(json_array_get(json_array_get(json_object_get(expected, "ids"), 2), i));
        g->types[i] =
            (int32_t)json_integer_value(json_array_get(json_array_get(json_object_get(expected, "types"), 2), i));
    }
    g->offsets[0] = 0;
    g->offsets[1] = TOKENS;
    json_decref(expected);
}

static tern_status read_given(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    const struct given *g = context;
    return tern_ffn_read(&g->checkpoint, &g->narrow, key, out, count, e);
}

static double distance(const float *a, const float *b)
{
    double most = 0, largest = 0;
    for (int i = 0; i < LABELS; i++) {
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    return most / largest;
}

static tern_status run(struct given *g, enum tern_weights weights, int32_t width, const char *isa, float *out)
{
    struct tern_config config = g->narrow;
    tern_model *model = NULL;
    tern_session *session = NULL;
    void *bytes = NULL;
    config.weights = weights;
    const struct tern_source source = {.config = &config, .read = read_given, .context = g};
    const tern_batch batch = {.n_texts = 1, .ids = g->ids, .types = g->types, .offsets = g->offsets};
    const tern_session_options options = {.struct_bytes = sizeof options, .isa = isa, .ffn_width = width};
    assert_ok(tern_build_model(&model, &bytes, &source, NULL, &err));
    tern_status status = tern_session_open(&session, model, &options, &err);
    if (!status)
        status = tern_classify(session, &batch, out, &err);
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    return status;
}

/* The first 18 neurons of 40: a file of them, and a session on all, give PyTorch's answers. */
static void test_first_neurons(void **state)
{
    (void)state;
    struct given g;
    float whole[LABELS], x[LABELS];
    open_given(&g, "nested");
    assert_ok(run(&g, TERN_WEIGHTS_F32, 0, NULL, whole));
    assert_true(distance(whole, g.expected) > 0.05); /* the other neurons matter */
    const enum tern_weights weights[] = {TERN_WEIGHTS_F32, TERN_WEIGHTS_INT8, TERN_WEIGHTS_INT4, TERN_WEIGHTS_INT2};
    const double most[] = {1e-4, 0.03, 0.3, 1};
    for (int i = 0; i < 4; i++) {
        const char *isas[16];
        float first[LABELS];
        assert_ok(run(&g, weights[i], 18, NULL, first));
        printf("session %d: %.1e\n", i, distance(first, g.expected));
        assert_true(distance(first, g.expected) < most[i]);
        for (int j = 0, n = e2e_isas(isas); i && j < n; j++) {
            assert_ok(run(&g, weights[i], 18, isas[j], x));
            assert_memory_equal(x, first, sizeof x);
        }
    }
    assert_int_equal(run(&g, TERN_WEIGHTS_INT8, 41, NULL, x), TERN_USAGE);
    assert_int_equal(tern_ffn_narrow(&g.narrow, &g.checkpoint.config, 41, &err), TERN_USAGE);
    assert_ok(tern_ffn_narrow(&g.narrow, &g.checkpoint.config, 18, &err));
    for (int i = 0; i < 3; i++) {
        assert_ok(run(&g, weights[i], 0, NULL, x));
        printf("file %d: %.1e\n", i, distance(x, g.expected));
        assert_true(distance(x, g.expected) < most[i]);
    }
    tern_checkpoint_close(&g.checkpoint);
}

/* Pairs with their first neurons, and in low bits. */
static void test_pairs(void **state)
{
    (void)state;
    struct given g;
    float whole[LABELS], x[LABELS], file[LABELS];
    open_given(&g, "low-rank");
    assert_int_equal(tern_matrix_rank(&g.checkpoint.config, TERN_QUERY, 0), 7);
    assert_int_equal(tern_matrix_rank(&g.checkpoint.config, TERN_KEY, 1), 0); /* of rank 20: multiplied */
    assert_ok(run(&g, TERN_WEIGHTS_F32, 0, NULL, whole));
    assert_true(distance(whole, g.expected) < 1e-4);
    assert_ok(run(&g, TERN_WEIGHTS_INT8, 0, NULL, x));
    assert_true(distance(x, whole) < 0.05);
    assert_ok(run(&g, TERN_WEIGHTS_INT4, 0, NULL, x));
    printf("int4 %.1e\n", distance(x, whole));
    assert_true(distance(x, whole) < 0.5);
    assert_ok(run(&g, TERN_WEIGHTS_F32, 18, NULL, x));
    assert_ok(tern_ffn_narrow(&g.narrow, &g.checkpoint.config, 18, &err));
    assert_ok(run(&g, TERN_WEIGHTS_F32, 0, NULL, file));
    assert_true(distance(x, file) < 1e-4);
    assert_ok(run(&g, TERN_WEIGHTS_INT8, 0, NULL, x));
    assert_true(distance(x, file) < 0.05);
    tern_checkpoint_close(&g.checkpoint);
}

/* A norm over all neurons is another one over some. */
static void test_refused(void **state)
{
    (void)state;
    struct tern_config config = {.hidden = 16, .layer_norm_eps = 1e-5};
    tern_config_set_layers(&config, 1, 2, 32, TERN_GELU);
    config.layer[0].sub_norm = 1;
    config.layer[0].intermediate = TERN_MAX_HIDDEN + 1;
    config.vocab = 9;
    config.max_positions = config.max_tokens = 16;
    char *json = tern_config_to_json(&config);
    struct tern_config again;
    assert_non_null(json);
    assert_int_equal(tern_config_from_json(&again, json, "here", &err), TERN_FORMAT);
    if (!strstr(err.message, "the limit is 8192"))
        fail_msg("%s", err.message);
    free(json);
}

static void no_attention(struct tern_layer_spec *l)
{
    l->heads = l->head_dim = 0;
}

static void scaled(struct tern_layer_spec *l)
{
    l->norm = TERN_NORM_SCALE;
    l->activation = TERN_RELU;
}

static void kernels(struct tern_layer_spec *l)
{
    l->conv = 3;
}

static void value_kernels(struct tern_layer_spec *l)
{
    l->value_conv = 3;
}

/* Pairs, norms, gates and clipping were made for attention as BERT has it; where a file asks for them beside something
   that does not run them, it is refused. */
static void test_not_beside(void **state)
{
    static const struct {
        void (*change)(struct tern_layer_spec *l);
        const char *says;
    } bases[] = {{no_attention, "no attention"},
                 {scaled, "without normalisation"},
                 {kernels, "kernels of tokens"},
                 {value_kernels, "kernels of tokens"}};
    (void)state;
    for (int b = 0; b < 4; b++)
        for (int i = 0; i < 4; i++) {
            struct tern_config config = {.hidden = 16, .layer_norm_eps = 1e-5};
            tern_config_set_layers(&config, 1, 2, 32, TERN_GELU);
            struct tern_layer_spec *const l = &config.layer[0];
            int32_t *const shapes[4] = {&l->sub_norm, &l->attn_gate, &l->clip_low, &l->rank[3]};
            config.vocab = 9;
            config.max_positions = config.max_tokens = 16;
            bases[b].change(l);
            *shapes[i] = 1;
            if (bases[b].change == value_kernels && i == 3) { /* these may be there together */
                assert_ok(tern_config_check(&config, "here", &err));
                continue;
            }
            assert_int_equal(tern_config_check(&config, "here", &err), TERN_FORMAT);
            if (!strstr(err.message, bases[b].says))
                fail_msg("%d %d: %s", b, i, err.message);
        }
}

/* An adapter's neurons are not the first of the layer's, and rows with exponents run at their own width. */
static void test_width_refused(void **state)
{
    static const char *const names[] = {"xmod", "mobilebert"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct given g;
        float x[LABELS];
        open_given(&g, names[i]);
        for (int file = 0; file < 2; file++) {
            assert_int_equal(file ? tern_ffn_narrow(&g.narrow, &g.checkpoint.config, 2, &err)
                                  : run(&g, TERN_WEIGHTS_INT8, 2, NULL, x),
                             TERN_USAGE);
            if (!strstr(err.message, "their own width only"))
                fail_msg("%s", err.message);
        }
        tern_checkpoint_close(&g.checkpoint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_neurons), cmocka_unit_test(test_pairs),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_beside),    cmocka_unit_test(test_width_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
