/* A checkpoint with an adapter of low rank for each of five tasks, as jina-embeddings-v3 was published: the one that is
   asked for is merged into the weights, and gives PyTorch's answers (tests/golden/make_lora.py); without one the
   weights are those without a task. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/json.h"
#include "quant/checkpoint.h"
#include "quant/convert.h"
#include "tests/e2e.h"
#include "tests/make_checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE "tests/golden/zoo/jina3-lora"
enum { HIDDEN = 24, TEXTS = 3 };
static char dir[256];
static tern_error err;

static tern_status open_case(struct tern_checkpoint *out, const char *directory, const char *adapter)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .adapter = adapter};
    struct tern_purpose purpose = {.options = &options};
    return tern_checkpoint_open(out, directory, &purpose, &err);
}

static tern_status read_part(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    return tern_checkpoint_read(context, key, out, count, e);
}

/* The largest difference of the checkpoint's vectors from `answers`, over the largest answer. */
static double difference(struct tern_checkpoint *c, const json_t *ids, const json_t *answers)
{
    struct tern_config config = c->config;
    void *bytes = NULL;
    tern_model *model = NULL;
    tern_session *session = NULL;
    double largest = 0, most = 0;
    config.weights = TERN_WEIGHTS_F32;
    const struct tern_source source = {.config = &config, .read = read_part, .context = c};
    const tern_session_options options = {.struct_bytes = sizeof options, .threads = 1};
    assert_ok(tern_build_model(&model, &bytes, &source, NULL, &err));
    assert_ok(tern_session_open(&session, model, &options, &err));
    for (size_t i = 0; i < TEXTS; i++) {
        const json_t *const text = json_array_get(ids, i), *const answer = json_array_get(answers, i);
        int32_t id[64], offsets[2] = {0, (int32_t)json_array_size(text)};
        float vector[HIDDEN];
        for (int32_t j = 0; j < offsets[1]; j++)
            id[j] = (int32_t)json_integer_value(json_array_get(text, (size_t)j));
        const tern_batch batch = {.n_texts = 1, .ids = id, .offsets = offsets};
        assert_ok(tern_embed(session, &batch, vector, &err));
        for (size_t j = 0; j < HIDDEN; j++) {
            const double x = json_number_value(json_array_get(answer, j));
            largest = fmax(largest, fabs(x));
            most = fmax(most, fabs((double)vector[j] - x));
        }
    }
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    return most / largest;
}

static void test_answers(void **state)
{
    json_t *expected = NULL;
    const char *task;
    json_t *answers;
    struct tern_checkpoint c;
    (void)state;
    assert_ok(tern_json_read_file(&expected, CASE "/expected.json", 1 << 20, 0, &err));
    const json_t *const ids = json_object_get(expected, "ids");
    json_object_foreach(json_object_get(expected, "tasks"), task, answers)
    {
        assert_ok(open_case(&c, CASE, task));
        assert_string_equal(c.config.adapter, task);
        const double off = difference(&c, ids, answers),
                     plain = difference(&c, ids, json_object_get(expected, "answers"));
        if (!(off < 1e-4) || !(plain > 0.1))
            fail_msg("%s: %.2e from PyTorch's, %.2e from those without a task", task, off, plain);
        tern_checkpoint_close(&c);
    }
    assert_ok(open_case(&c, CASE, NULL));
    assert_string_equal(c.config.adapter, "");
    assert_true(difference(&c, ids, json_object_get(expected, "answers")) < 1e-4);
    tern_checkpoint_close(&c);
    json_decref(expected);
}

/* The case with a member of config.json replaced, and a tensor's name. */
static void refused(const char *key, const char *value, const char *from, const char *to, const char *adapter,
                    tern_status status, const char *says)
{
    struct tern_checkpoint c;
    char text[2400];
    size_t size;
    json_t *config = NULL;
    char *const bytes = test_read_file(CASE "/model.safetensors", &size);
    for (size_t i = 0; from && i + strlen(from) < size; i++)
        if (!memcmp(bytes + i, from, strlen(from)))
            memcpy(bytes + i, to, strlen(to));
    test_write_file(dir, "model.safetensors", bytes, size);
    free(bytes);
    assert_ok(tern_json_read_file(&config, CASE "/config.json", 1 << 20, 0, &err));
    json_object_set_new(config, key, json_loads(value, JSON_DECODE_ANY, NULL));
    size = json_dumpb(config, text, sizeof text, 0);
    assert_true(size < sizeof text);
    test_write_file(dir, "config.json", text, size);
    json_decref(config);
    assert_int_equal(open_case(&c, dir, adapter), status);
    if (!strstr(err.message, says))
        fail_msg("%s", err.message);
}

static void test_refused(void **state)
{
    (void)state;
    refused("lora_rank", "3", NULL, NULL, "clustering", TERN_USAGE, "--adapter");
    refused("lora_rank", "4", NULL, NULL, NULL, TERN_FORMAT, "rank 4");
    refused("lora_rank", "0", NULL, NULL, NULL, TERN_FORMAT, "lora_rank");
    refused("lora_adaptations", "[\"one\"]", NULL, NULL, "one", TERN_FORMAT, "1 tasks");
    refused("lora_adaptations", "null", NULL, NULL, NULL, TERN_FORMAT, "is missing");
    refused("emb_pooler", "\"cls\"", NULL, NULL, NULL, TERN_FORMAT, "emb_pooler");
    refused("position_embedding_type", "\"absolute\"", NULL, NULL, NULL, TERN_FORMAT, "position_embedding_type");
    refused("truncate_dim", "8", NULL, NULL, NULL, TERN_FORMAT, "truncate_dim");
    refused("lora_rank", "3", "lora_B", "lora_C", NULL, TERN_FORMAT, "are not the two");
    refused("lora_rank", "3", "weight.0.lora_", "weight.1.lora_", NULL, TERN_FORMAT, "parametrized");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_refused)};
    test_temp_dir(dir, sizeof dir);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(dir);
    return failed;
}
