/* A small EuroBERT, RMSNorm in front and keys that heads share, answers as PyTorch's class does with each of its ways
   to pool: floats nearly to the last bit, integers closely. What its reader does not know is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/tern_convert.h"
#include "tests/e2e.h"
#include "tests/golden/eurobert.h"
#include "tests/make_checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE "tests/golden/cases/46-eurobert"
enum { TOKENS = sizeof eurobert_ids / sizeof eurobert_ids[0], LABELS = 3 };

static char dir[256], path[300];
static tern_error err;

static tern_status convert(const char *weights)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .weights = weights};
    return tern_convert(dir, path, &options, &err);
}

/* config.json of the case with more members. */
static void write_config(const char *more)
{
    size_t size;
    char *config = test_read_file(CASE "/config.json", &size), text[1500];
    while (size && config[size - 1] != '}')
        size--;
    assert_true(size > 0);
    const int n = snprintf(text, sizeof text, "%.*s%s}", (int)size - 1, config, more);
    test_write_file(dir, "config.json", text, (size_t)n);
    free(config);
}

static void copy(const char *name)
{
    char from[100];
    size_t size;
    snprintf(from, sizeof from, CASE "/%s", name);
    char *bytes = test_read_file(from, &size);
    test_write_file(dir, name, bytes, size);
    free(bytes);
}

static void classify(const char *weights, float *logits)
{
    const int32_t offsets[2] = {0, TOKENS};
    const tern_batch batch = {.n_texts = 1, .ids = eurobert_ids, .offsets = offsets};
    tern_session *session = NULL;
    tern_model *model = NULL;
    assert_ok(convert(weights));
    assert_ok(tern_model_open(&model, path, &err));
    assert_ok(tern_session_open(&session, model, NULL, &err));
    assert_ok(tern_classify(session, &batch, logits, &err));
    tern_session_close(session);
    tern_model_close(model);
}

static void test_poolings(void **state)
{
    static const char *const more[] = {",\"classifier_pooling\":\"bos\"", ",\"clf_pooling\":\"mean\"", ""};
    (void)state;
    copy("model.safetensors");
    copy("vocab.txt");
    for (int i = 0; i < 3; i++) {
        float exact[LABELS], integers[LABELS];
        write_config(more[i]);
        classify("f32", exact);
        classify("int8", integers);
        for (int j = 0; j < LABELS; j++)
            if (!(fabsf(exact[j] - eurobert_logits[i][j]) <= 2e-5f) || !(fabsf(integers[j] - exact[j]) <= 0.1f))
                fail_msg("pooling %d, label %d: %g and %g, not %g", i, j, (double)exact[j], (double)integers[j],
                         (double)eurobert_logits[i][j]);
    }
}

static void test_config(void **state)
{
    static const char *const bad[][2] = {
        {"\"num_key_value_heads\":3", "of which 4 heads are no multiple"},
        {"\"num_key_value_heads\":5", "the limits are 1 .. 4"},
        {"\"num_key_value_heads\":1", "has the shape [24, 32], the config needs [12, 32]"},
        {"\"num_key_value_heads\":null", "has the shape [24, 32], the config needs [48, 32]"},
        {"\"classifier_pooling\":\"cls\"", "classifier_pooling cls is not supported; bos, mean and late are"},
        {"\"head_dim\":513", "the limits are 1 .. 512"},
        {"\"rope_parameters\":{\"rope_type\":\"llama3\"}", "of type llama3 are not supported"},
    };
    (void)state;
    copy("model.safetensors");
    copy("vocab.txt");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        /* A key may stand once: the case's own is spoilt. */
        char more[120], name[40];
        size_t size;
        snprintf(name, sizeof name, "%.*s", (int)(strchr(bad[i][0], ':') - bad[i][0]), bad[i][0]);
        snprintf(more, sizeof more, ",%s", bad[i][0]);
        write_config(more);
        char config[300];
        snprintf(config, sizeof config, "%s/config.json", dir);
        char *text = test_read_file(config, &size), *own = strstr(text, name);
        if (strstr(own + 1, name))
            own[1] = '_';
        test_write_file(dir, "config.json", text, size);
        free(text);
        if (convert(NULL) != TERN_FORMAT || !strstr(err.message, bad[i][1]))
            fail_msg("%s: '%s' does not say '%s'", bad[i][0], err.message, bad[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_poolings), cmocka_unit_test(test_config)};
    test_temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/out.tern", dir);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(dir);
    return failed;
}
