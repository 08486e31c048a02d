/* A checkpoint whose config.json has pruned_heads runs, and answers as PyTorch does. Before, its tensors were refused:
   "tensor ... has the shape [24, 32], the config needs [32, 32]". */
#include "quant/checkpoint_config.h"
#include "quant/tern_convert.h"
#include "tests/golden/pruned_heads.h"
#include "tests/make_checkpoint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CASE "tests/golden/cases/37-pruned-heads"
enum { HIDDEN = 32, TOKENS = 8 };

static char dir[256], path[300];
static tern_error err;

static void embed(const char *weights, float *out)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .weights = weights};
    const int32_t offsets[2] = {0, TOKENS};
    const tern_batch batch = {.n_texts = 1, .ids = pruned_ids, .offsets = offsets};
    tern_model *model = NULL;
    tern_session *session = NULL;
    if (tern_convert(CASE, path, &options, &err) || tern_model_open(&model, path, &err) ||
        tern_session_open(&session, model, NULL, &err) || tern_embed(session, &batch, out, &err))
        fail_msg("%s", err.message);
    tern_session_close(session);
    tern_model_close(model);
}

static void test_answers(void **state)
{
    float exact[HIDDEN], integers[HIDDEN];
    double dot = 0, a = 0, b = 0;
    (void)state;
    embed("f32", exact);
    embed("int8", integers);
    for (int i = 0; i < HIDDEN; i++) {
        if (!(fabsf(exact[i] - pruned_mean[i]) <= 1e-5f))
            fail_msg("value %d is %g, not %g", i, (double)exact[i], (double)pruned_mean[i]);
        dot += (double)integers[i] * (double)exact[i];
        a += (double)integers[i] * (double)integers[i];
        b += (double)exact[i] * (double)exact[i];
    }
    assert_true(dot / sqrt(a * b) > 0.999);
}

/* Layers, heads and what is left of them. */
static void test_config(void **state)
{
    static const struct {
        const char *pruned;
        int32_t heads[2];
        const char *says;
    } cases[] = {
        {"{\"0\": [0]}", {3, 4}, NULL},
        {"{\"0\": [0, 3], \"1\": [2, 2]}", {2, 3}, NULL},
        {"{}", {4, 4}, NULL},
        {"null", {4, 4}, NULL},
        {"{\"1\": []}", {4, 4}, NULL},
        {"{\"2\": [0]}", {0, 0}, "pruned_heads has \"2\", which is no layer"},
        {"{\"-1\": [0]}", {0, 0}, "which is no layer"},
        {"{\"x\": [0]}", {0, 0}, "which is no layer"},
        {"{\"99999999999999999999\": [0]}", {0, 0}, "which is no layer"},
        {"{\"0\": 0}", {0, 0}, "which is no layer with a list"},
        {"{\"0\": [4]}", {0, 0}, "no head's number, 0 to 3"},
        {"{\"0\": [-1]}", {0, 0}, "no head's number"},
        {"{\"0\": [\"1\"]}", {0, 0}, "no head's number"},
        {"{\"0\": [0, 1, 2, 3]}", {0, 0}, "leaves layer 0 no head"},
        {"[0]", {0, 0}, "no object of layers"},
    };
    size_t size;
    char *config = test_read_file(CASE "/config.json", &size), text[1000];
    const char *at = strstr(config, "\"pruned_heads\":");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tern_config c;
        const int n =
            snprintf(text, sizeof text, "%.*s\"pruned_heads\": %s}", (int)(at - config), config, cases[i].pruned);
        test_write_file(dir, "config.json", text, (size_t)n);
        const tern_status status = tern_config_read_checkpoint(&c, &(struct tern_purpose){0}, dir, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].pruned, (int)status, err.message);
        for (int layer = 0; layer < 2 && !status; layer++) {
            assert_int_equal(c.layer[layer].heads, cases[i].heads[layer]);
            assert_int_equal(c.layer[layer].head_dim, 8);
        }
        tern_config_free(&c);
    }
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_config)};
    test_temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/out.tern", dir);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(dir);
    return failed;
}
