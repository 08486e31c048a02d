/* DeBERTa's distances: their rows against transformers', what of config.json is refused, and files whose rows lie.
   Answers are those of tests/test_zoo.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/checkpoint.h"
#include "quant/checkpoint_config.h"
#include "quant/convert.h"
#include "quant/distances.h"
#include "tests/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE "tests/golden/zoo/deberta-v2"

static tern_error err;
static char dir[256];

/* Printed by transformers' make_log_bucket_position, which is odd. */
static void test_rows(void **state)
{
    static const struct {
        int buckets, far, distance, bucket;
    } cases[] = {
        {256, 512, 1, 1},     {256, 512, 127, 127}, {256, 512, 128, 128}, {256, 512, 129, 129}, {256, 512, 131, 131},
        {256, 512, 200, 169}, {256, 512, 300, 207}, {256, 512, 400, 233}, {256, 512, 510, 255}, {256, 512, 511, 255},
        {16, 160, 7, 7},      {16, 160, 8, 8},      {16, 160, 9, 9},      {16, 160, 12, 9},     {16, 160, 16, 10},
        {16, 160, 20, 11},    {16, 160, 40, 12},    {16, 160, 100, 14},   {16, 160, 159, 15},   {32, 512, 17, 17},
        {32, 512, 18, 17},    {32, 512, 50, 21},    {32, 512, 511, 31},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tern_table_spec t = {.span = cases[i].buckets, .buckets = cases[i].buckets, .far = cases[i].far};
        assert_int_equal(tern_distance_row(&t, cases[i].distance), t.span - 1 + cases[i].bucket);
        assert_int_equal(tern_distance_row(&t, -cases[i].distance), t.span - 1 - cases[i].bucket);
        assert_int_equal(tern_distance_rows_fit(&t, cases[i].far), 1);
    }
    const struct tern_table_spec plain = {.span = 16}, steep = {.span = 64, .buckets = 64, .far = 40};
    assert_int_equal(tern_distance_row(&plain, 0), 15);
    assert_int_equal(tern_distance_row(&plain, 15), 30);
    assert_int_equal(tern_distance_row(&plain, 16), 31);
    assert_int_equal(tern_distance_row(&plain, 17), 31); /* PyTorch cuts there */
    assert_int_equal(tern_distance_row(&plain, -16), 0);
    assert_int_equal(tern_distance_rows_fit(&steep, 64), 0);
}

/* `value` in front of the checkpoint's own: of equal keys config.json may have but one. */
static void test_config(void **state)
{
    static const struct {
        const char *key, *value, *says; /* NULL: fine */
    } cases[] = {
        {"pos_att_type", "\"p2c|c2p\"", NULL},
        {"pos_att_type", "[\"c2p\", \"p2p\"]", "pos_att_type p2p is not supported"},
        {"pos_att_type", "[]", "pos_att_type names no kinds"},
        {"pos_att_type", "7", "pos_att_type is no list"},
        {"relative_attention", "false", "relative_attention is false"},
        {"position_buckets", "-1", NULL},
        {"position_buckets", "2", "position_buckets 2 with"},
        {"position_buckets", "90", "is not supported"},
        {"norm_rel_ebd", "\"none\"", NULL},
        {"norm_rel_ebd", "\"layer_norm|x\"", "norm_rel_ebd layer_norm|x is not supported"},
        {"conv_kernel_size", "3", "conv_kernel_size asks for a convolution"},
        {"z_steps", "2", "z_steps asks for"},
        {"talking_head", "true", "talking_head asks for"},
        {"pooler_hidden_size", "12", "pooler_hidden_size is 12; only the model's own, 24"},
        {"pooler_hidden_act", "\"mish\"", "pooler_hidden_act mish is not supported"},
        {"pooler_hidden_act", "\"tanh\"", NULL},
        {"attention_head_size", "16", "attention_head_size is 16"},
        {"max_relative_positions", "-2", "max_relative_positions is -2"},
    };
    size_t size;
    char *bytes = test_read_file(CASE "/config.json", &size), config[2000] = "", text[2500], quoted[64];
    (void)state;
    assert_true(size < sizeof config);
    memcpy(config, bytes, size);
    free(bytes);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tern_config c;
        snprintf(quoted, sizeof quoted, "\"%s\":", cases[i].key);
        char *own = strstr(config, quoted);
        if (own) /* is called otherwise for a while */
            own[1] = '_';
        const int n = snprintf(text, sizeof text, "{%s %s,%s", quoted, cases[i].value, strchr(config, '{') + 1);
        if (own)
            own[1] = cases[i].key[0];
        assert_true(n < (int)sizeof text);
        test_write_file(dir, "config.json", text, (size_t)n);
        const tern_status status = tern_config_read_checkpoint(&c, &(struct tern_purpose){0}, dir, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("%s %s: %d %s", cases[i].key, cases[i].value, (int)status, err.message);
        tern_config_free(&c);
    }
}

/* The rows of distances of a checkpoint, one of them changed. */
struct lie {
    const struct tern_checkpoint *checkpoint;
    int at;
    float to;
};

static tern_status read_lie(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    const struct lie *lie = context;
    const tern_status status = tern_checkpoint_read(lie->checkpoint, key, out, count, e);
    if (key.part == TERN_PART_POSITION_TABLE)
        out[lie->at < 0 ? (int)count + lie->at : lie->at] = lie->to;
    return status;
}

/* A run would read past the vectors, or past the products of a block. */
static void test_lies(void **state)
{
    struct tern_checkpoint checkpoint;
    (void)state;
    assert_ok(tern_checkpoint_open(&checkpoint, CASE, NULL, &err));
    const struct lie lies[] = {{&checkpoint, 0, -1}, {&checkpoint, -1, 32}, {&checkpoint, 40, 3}, {&checkpoint, 3, 31}};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        for (int f32 = 0; f32 < 2; f32++) {
            struct tern_config config = checkpoint.config;
            config.weights = f32 ? TERN_WEIGHTS_F32 : TERN_WEIGHTS_INT8;
            const struct tern_source source = {
                .config = &config, .read = read_lie, .context = (void *)(uintptr_t)&lies[i]};
            tern_model *model = NULL;
            void *bytes = NULL;
            assert_int_equal(tern_build_model(&model, &bytes, &source, NULL, &err), TERN_FORMAT);
            if (!strstr(err.message, "rows of distances that are not there or do not follow one another"))
                fail_msg("%s", err.message);
        }
    tern_checkpoint_close(&checkpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_config),
                                       cmocka_unit_test(test_lies)};
    test_temp_dir(dir, sizeof dir);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(dir);
    return failed;
}
