/* Configurations: Hugging Face's files, every way they can be wrong, and Tern's own JSON there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/checkpoint_config.h"
#include "tests/make_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[256];

#define NUMBERS                                                                                                        \
    "\"vocab_size\":100,\"hidden_size\":24,\"num_hidden_layers\":2,\"num_attention_heads\":4,"                         \
    "\"intermediate_size\":32,\"max_position_embeddings\":128"
#define BERT "\"model_type\":\"bert\"," NUMBERS

static void put(const char *name, const char *text)
{
    test_write_file(dir, name, text, text ? strlen(text) : 0);
}

static tern_status read_dir(struct tern_config *config, tern_error *err)
{
    tern_status status;
    memset(err, 0, sizeof *err);
    status = tern_config_read_checkpoint(config, &(struct tern_purpose){0}, dir, err);
    if (status != TERN_OK) {
        assert_int_equal(err->code, status);
        assert_null(strchr(err->message, '\n'));
        assert_null(config->labels);
    }
    return status;
}

/* Writes one file and reads the directory: TERN_OK when `says` is NULL, else TERN_FORMAT with these words and the
   file's name in the message. The file is removed, config.json made good again. */
static void expect(const char *name, const char *text, const char *says)
{
    struct tern_config config;
    tern_error err;
    tern_status status;

    put("config.json", "{" BERT "}");
    put(name, text);
    status = read_dir(&config, &err);
    if ((status == TERN_OK) != (says == NULL) || (says && !strstr(err.message, says)))
        print_error("%s: %s\n -> %d %s\n", name, text, (int)status, err.message);
    assert_int_equal(status, says ? TERN_FORMAT : TERN_OK);
    if (says) {
        assert_non_null(strstr(err.message, says));
        assert_non_null(strstr(err.message, name));
    }
    tern_config_free(&config);
    put(name, NULL);
}

static void expect_config(const char *text, const char *says)
{
    expect("config.json", text, says);
}

static void test_bert(void **state)
{
    struct tern_config c;
    tern_error err;
    (void)state;

    put("config.json", "{" BERT "}");
    assert_int_equal(read_dir(&c, &err), TERN_OK);
    assert_int_equal(c.architecture, TERN_BERT);
    assert_int_equal(c.layer[0].activation, TERN_GELU);
    assert_int_equal(c.weights, TERN_WEIGHTS_INT8);
    assert_int_equal(c.vocab, 100);
    assert_int_equal(c.hidden, 24);
    assert_int_equal(c.layers, 2);
    assert_int_equal(c.layer[0].heads, 4);
    assert_int_equal(c.layer[0].intermediate, 32);
    assert_int_equal(c.max_positions, 128);
    assert_int_equal(c.max_tokens, 128);
    assert_int_equal(c.token_types, 2);
    assert_true(c.layer_norm_eps == 1e-12);
    assert_int_equal(c.pooling, TERN_POOL_MEAN);
    assert_int_equal(c.normalize, 0);
    assert_int_equal(c.n_labels, 0);
    tern_config_free(&c);
    tern_config_free(&c);
    tern_config_free(NULL);

    put("config.json", "{\"architectures\":[\"BertForSequenceClassification\"],\"hidden_act\":\"gelu_pytorch_tanh\","
                       "\"type_vocab_size\":1,\"layer_norm_eps\":1e-5,\"position_embedding_type\":\"absolute\","
                       "\"is_decoder\":false,\"id2label\":{\"1\":\"yes\",\"10\":\"k\",\"2\":\"\xc3\xa9\",\"0\":\"no\","
                       "\"3\":\"d\",\"4\":\"e\",\"5\":\"f\",\"6\":\"g\",\"7\":5,\"8\":\"i\",\"9\":\"j\"}," NUMBERS "}");
    assert_int_equal(read_dir(&c, &err), TERN_OK);
    assert_int_equal(c.architecture, TERN_BERT);
    assert_int_equal(c.layer[0].activation, TERN_GELU_NEW);
    assert_int_equal(c.token_types, 1);
    assert_true(c.layer_norm_eps == 1e-5);
    assert_int_equal(c.n_labels, 11);
    assert_string_equal(c.labels[0], "no");
    assert_string_equal(c.labels[1], "yes");
    assert_string_equal(c.labels[2], "\xc3\xa9");
    assert_string_equal(c.labels[7], "5");  /* a number was refused */
    assert_string_equal(c.labels[10], "k"); /* by number: sorted as text it would be the third */
    tern_config_free(&c);
    /* Google's own small models and TinyBERT name neither type nor class */
    expect_config("{\"type_vocab_size\":2," NUMBERS "}", NULL);
}

static void test_distilbert(void **state)
{
    struct tern_config c;
    tern_error err;
    (void)state;

    put("config.json", "{\"model_type\":\"distilbert\",\"vocab_size\":9,\"n_layers\":3,\"dim\":264,\"n_heads\":12,"
                       "\"hidden_dim\":1200,\"max_position_embeddings\":512,\"activation\":\"relu\","
                       "\"sinusoidal_pos_embds\":true,\"layer_norm_eps\":1.0,\"type_vocab_size\":2}");
    assert_int_equal(read_dir(&c, &err), TERN_OK);
    assert_int_equal(c.architecture, TERN_DISTILBERT);
    assert_int_equal(c.layer[0].activation, TERN_RELU);
    assert_int_equal(c.hidden, 264);
    assert_int_equal(c.layer[0].heads, 12);
    assert_int_equal(c.layers, 3);
    assert_int_equal(c.layer[0].intermediate, 1200);
    assert_int_equal(c.token_types, 0);
    assert_true(c.layer_norm_eps == 1e-12);
    tern_config_free(&c);
    expect_config("{\"model_type\":\"distilbert\"," NUMBERS "}", "dim is missing");
}

static void test_bad_numbers(void **state)
{
    static const char *const keys[] = {"vocab_size",          "hidden_size",       "num_hidden_layers",
                                       "num_attention_heads", "intermediate_size", "max_position_embeddings",
                                       "type_vocab_size"};
    static const char *const values[] = {"0",          "-1",          "\"24\"", "24.0",
                                         "true",       "[24]",        "{}",     "99999999",
                                         "4294967297", "-4294967295", "1e30",   "99999999999999999999999"};
    (void)state;

    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        for (size_t v = 0; v <= sizeof values / sizeof values[0]; v++) {
            char text[1000] = "{\"model_type\":\"bert\"", one[200];
            for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
                const int missing = i == k && v == sizeof values / sizeof values[0];
                snprintf(one, sizeof one, ",\"%s\":%s", keys[i], i == k && !missing ? values[v] : "4");
                if (!missing)
                    strcat(text, one);
                else if (i != 6)
                    strcat(text, ",\"x\":null");
            }
            strcat(text, "}");
            if (v == sizeof values / sizeof values[0] && k == 6)
                expect_config(text, NULL); /* type_vocab_size has a default */
            else
                expect_config(text, keys[k]);
        }
    expect_config("{" BERT ",\"type_vocab_size\":17}", "limits are 1 .. 16");
    expect_config("{" BERT ",\"layer_norm_eps\":0}", "layer_norm_eps");
    expect_config("{" BERT ",\"layer_norm_eps\":-1e-12}", "layer_norm_eps");
    expect_config("{" BERT ",\"layer_norm_eps\":1}", "layer_norm_eps");
    expect_config("{" BERT ",\"layer_norm_eps\":\"1e-12\"}", "must be a number");
    expect_config("{" BERT ",\"layer_norm_eps\":null,\"type_vocab_size\":null}", NULL);
    expect_config("{\"model_type\":\"bert\",\"vocab_size\":9,\"hidden_size\":24,\"num_hidden_layers\":2,"
                  "\"num_attention_heads\":5,\"intermediate_size\":32,\"max_position_embeddings\":128}",
                  "not divisible");
    expect_config("{\"model_type\":\"bert\",\"vocab_size\":9,\"hidden_size\":1024,\"num_hidden_layers\":2,"
                  "\"num_attention_heads\":1,\"intermediate_size\":32,\"max_position_embeddings\":128}",
                  "limit is 512");
}

static void test_unsupported(void **state)
{
    (void)state;
    expect_config("{\"model_type\":\"t5\"," NUMBERS "}", "t5");
    expect_config("{\"model_type\":7," NUMBERS "}", "model_type must be a string");
    expect_config("{\"architectures\":[\"T5EncoderModel\"]," NUMBERS "}", "T5EncoderModel");
    expect_config("{\"architectures\":[\"BertGenerationEncoder\"]," NUMBERS "}", "BertGenerationEncoder");
    expect_config("{\"architectures\":[\"BertForMultipleChoice\"]," BERT "}", "BertForMultipleChoice");
    expect_config("{" NUMBERS "}", "neither model_type nor architectures");
    expect_config("{" BERT ",\"hidden_act\":\"mish\"}", "mish");
    expect_config("{" BERT ",\"hidden_act\":1}", "hidden_act must be a string");
    expect_config("{" BERT ",\"position_embedding_type\":\"relative_key\"}", "relative_key");
    expect_config("{" BERT ",\"is_decoder\":true}", "is_decoder");
    expect_config("{" BERT ",\"is_decoder\":1}", "is_decoder is 1");
    expect_config("{" BERT ",\"add_cross_attention\":true}", "add_cross_attention");
}

static void test_bad_json(void **state)
{
    struct tern_config config;
    tern_error err;
    const char *text = "{" BERT ",\"id2label\":{\"0\":\"a\",\"1\":\"b\"}}";
    (void)state;

    expect_config("", "is empty");
    expect_config(" ", "JSON");
    expect_config("[]", "not a JSON object");
    expect_config("null", "not a JSON object");
    expect_config("{" BERT "} {}", "follows");
    expect_config("{" BERT ",\"vocab_size\":100}", "duplicate key vocab_size");
    expect_config("{" BERT ",\"x\":\"\xff\"}", "UTF-8");
    put("config.json", "{" BERT "}");
    for (size_t n = 0; n < strlen(text); n++) {
        test_write_file(dir, "config.json", text, n);
        assert_int_equal(read_dir(&config, &err), TERN_FORMAT);
    }
    for (size_t bit = 0; bit < strlen(text) * 8; bit++) { /* any result but a crash, a leak or another status */
        char copy[1000];
        strcpy(copy, text);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        test_write_file(dir, "config.json", copy, strlen(text));
        tern_status status = read_dir(&config, &err);
        assert_true(status == TERN_OK || status == TERN_FORMAT);
        tern_config_free(&config);
    }
    char *big = malloc((1 << 20) + 1);
    assert_non_null(big);
    memset(big, ' ', (1 << 20) + 1);
    test_write_file(dir, "config.json", big, (1 << 20) + 1);
    free(big);
    assert_int_equal(read_dir(&config, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "limit is 1048576"));
    put("config.json", NULL);
    assert_int_equal(read_dir(&config, &err), TERN_IO);
    assert_non_null(strstr(err.message, "config.json: cannot open"));
    assert_int_equal(test_write_file(dir, "config.json/x", "x", 1), 0); /* a directory of that name */
    assert_int_equal(read_dir(&config, &err), TERN_IO);
    put("config.json/x", NULL);
    put("config.json", NULL);
    assert_int_equal(tern_config_read_checkpoint(&config, &(struct tern_purpose){0}, "/no/such/directory", &err),
                     TERN_IO);
    assert_non_null(strstr(err.message, "not a directory"));
    assert_int_equal(tern_config_read_checkpoint(&config, &(struct tern_purpose){0}, "/dev/null", NULL), TERN_IO);
}

static void test_labels(void **state)
{
    char text[1200], name[600];
    (void)state;
    expect_config("{" BERT ",\"id2label\":[\"a\"]}", "id2label");
    expect_config("{" BERT ",\"id2label\":{\"1\":\"a\"}}", "must be 0 .. 0");
    expect_config("{" BERT ",\"id2label\":{\"0\":\"a\",\"2\":\"b\"}}", "must be 0 .. 1");
    expect_config("{" BERT ",\"id2label\":{\"0\":\"a\",\"01\":\"b\"}}", "01");
    expect_config("{" BERT ",\"id2label\":{\"0\":\"b\",\"1\":\"a\",\"2\":\"b\"}}",
                  "label \"b\" twice"); /* JSON had one */
    expect_config("{" BERT ",\"id2label\":{\"-1\":\"a\",\"0\":\"b\"}}", "-1");
    expect_config("{" BERT ",\"id2label\":{\"\":\"a\"}}", "id2label");
    expect_config("{" BERT ",\"id2label\":{\"4294967296\":\"a\"}}", "4294967296");
    expect_config("{" BERT ",\"id2label\":{\"x\":\"a\"}}", "key x");
    expect_config("{" BERT ",\"id2label\":{\"0\":1.5}}", "not a string");
    expect_config("{" BERT ",\"id2label\":{\"0\":null}}", "not a string");
    expect_config("{" BERT ",\"id2label\":{\"0\":\"a\\nb\"}}", "control character");
    expect_config("{" BERT ",\"id2label\":null}", NULL);
    expect_config("{" BERT ",\"id2label\":{}}", NULL);
    for (size_t n = 512; n <= 513; n++) {
        memset(name, 'l', n);
        name[n] = '\0';
        snprintf(text, sizeof text, "{" BERT ",\"id2label\":{\"0\":\"%s\"}}", name);
        expect_config(text, n == 512 ? NULL : "513 bytes");
    }
}

static int32_t max_tokens(const char *name, const char *text)
{
    struct tern_config config;
    tern_error err;
    put("config.json", "{" BERT "}");
    put(name, text);
    assert_int_equal(read_dir(&config, &err), TERN_OK);
    int32_t result = config.max_tokens;
    tern_config_free(&config);
    put(name, NULL);
    return result;
}

static void test_limits_of_tokens(void **state)
{
    const char *t = "tokenizer_config.json", *s = "sentence_bert_config.json";
    (void)state;
    assert_int_equal(max_tokens(t, "{\"model_max_length\":100}"), 100);
    assert_int_equal(max_tokens(t, "{\"model_max_length\":512}"), 128);
    assert_int_equal(max_tokens(t, "{\"model_max_length\":1000000000000000019884624838656}"), 128);
    assert_int_equal(max_tokens(t, "{\"model_max_length\":1e30}"), 128);
    assert_int_equal(max_tokens(t, "{\"model_max_length\":null}"), 128);
    assert_int_equal(max_tokens(t, "{\"do_lower_case\":true}"), 128);
    assert_int_equal(max_tokens(s, "{\"max_seq_length\":64,\"do_lower_case\":false}"), 64);
    assert_int_equal(max_tokens(s, "{\"max_seq_length\":null}"), 128);
    expect(t, "{\"model_max_length\":2}", "model_max_length");
    expect(t, "{\"model_max_length\":-1}", "model_max_length");
    expect(t, "{\"model_max_length\":50.5}", "not an integer");
    expect(t, "{\"model_max_length\":\"512\"}", "must be a number");
    expect(t, "{", "JSON");
    expect(t, "[]", "not a JSON object");
    expect(s, "{\"max_seq_length\":0}", "max_seq_length");
}

static void read_pooling(const char *pooling, const char *modules, tern_pooling kind, int32_t normalize)
{
    struct tern_config config;
    tern_error err;
    put("config.json", "{" BERT "}");
    put("1_Pooling/config.json", pooling);
    put("modules.json", modules);
    assert_int_equal(read_dir(&config, &err), TERN_OK);
    assert_int_equal(config.pooling, kind);
    assert_int_equal(config.normalize, normalize);
    tern_config_free(&config);
    put("1_Pooling/config.json", NULL);
    put("modules.json", NULL);
}

#define MODULE(name, path) "{\"path\":\"" path "\",\"type\":\"sentence_transformers.models." name "\"}"

static void test_pooling(void **state)
{
    const char *p = "1_Pooling/config.json", *m = "modules.json";
    const char *cls = "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":false}";
    (void)state;
    read_pooling(cls, NULL, TERN_POOL_CLS, 0);
    read_pooling("{\"pooling_mode_mean_tokens\":true,\"pooling_mode_max_tokens\":false}", NULL, TERN_POOL_MEAN, 0);
    read_pooling(
        cls,
        "[" MODULE("Transformer", "") "," MODULE("Pooling", "1_Pooling") "," MODULE("Normalize", "2_Normalize") "]",
        TERN_POOL_CLS, 1);
    assert_int_equal(test_write_file(dir, "2_Normalize/x", "", 0), 0);
    read_pooling(NULL, NULL, TERN_POOL_MEAN, 1);
    /* modules.json is the one that counts */
    read_pooling(cls, "[" MODULE("Transformer", "") "," MODULE("Pooling", "1_Pooling") "]", TERN_POOL_CLS, 0);
    put("2_Normalize/x", NULL);
    put("2_Normalize", NULL);
    read_pooling("{\"pooling_mode_cls_token\":false}", NULL, TERN_POOL_MEAN, 0); /* none is on: the library's default */
    expect(p, "{\"pooling_mode_cls_token\":1}", "must be true or false");
    expect(p, "[]", "not a JSON object");
    expect(m, "{}", "not a JSON array");
    expect(m, "[1]", "module 0");
    expect(m, "[{\"type\":\"x.Transformer\"}]", "module 0");
    expect(m, "[" MODULE("Transformer", "") "," MODULE("Dense", "2_Dense") "]", "Dense");
    expect(m, "[" MODULE("Pooling", "2_Pooling") "]", "Transformer comes first");
    expect(m, "[" MODULE("Transformer", "") "]", "no Pooling");
    expect(m, "[" MODULE("Transformer", "") "," MODULE("Normalize", "1") "]", "then one Pooling");
    expect(m, "[" MODULE("Transformer", "") "," MODULE("CNN", "1_CNN") "]", "CNN is not supported");
    expect(m, "[{\"path\":\"\",\"type\":\"custom.Transformer\"}]", "custom.Transformer is not supported");
    expect(m, "[" MODULE("Transformer", "../x") "]", "leads out");
    expect(m, "[" MODULE("Transformer", "/etc") "]", "leads out");
}

static struct tern_config largest_config(char **labels)
{
    struct tern_config c = {.architecture = TERN_BERT,
                            .weights = TERN_WEIGHTS_F32,
                            .hidden = 8192,
                            .vocab = 1 << 24,
                            .max_positions = 8192,
                            .token_types = 16,
                            .layer_norm_eps = 9.999999960041972e-13,
                            .pooler = TERN_POOLER_TANH,
                            .head = TERN_HEAD_CLASSIFIER,
                            .n_labels = 3,
                            .labels = labels,
                            .pooling = TERN_POOL_CLS,
                            .normalize = 1,
                            .max_tokens = 3};
    tern_config_set_layers(&c, 256, 16, 32768, TERN_GELU_IBERT);
    return c;
}

static void check_round_trip(const struct tern_config *c)
{
    struct tern_config d;
    char *json = tern_config_to_json(c), *bad, *again;
    tern_error err;
    assert_non_null(json);
    if (tern_config_from_json(&d, json, "m.tern", &err))
        fail_msg("%s", err.message);
    again = tern_config_to_json(&d);
    assert_non_null(again);
    assert_string_equal(again, json);
    assert_true(d.layer_norm_eps == c->layer_norm_eps);
    assert_int_equal(d.layers, c->layers);
    assert_memory_equal(d.layer, c->layer, (size_t)c->layers * sizeof c->layer[0]);
    assert_int_equal(d.weights, c->weights);
    assert_int_equal(d.pooler, c->pooler);
    assert_int_equal(d.head, c->head);
    assert_string_equal(d.labels[2], c->labels[2]);
    free(again);
    tern_config_free(&d);
    for (size_t n = 0; n < strlen(json); n++) {
        bad = malloc(n + 1);
        assert_non_null(bad);
        memcpy(bad, json, n);
        bad[n] = '\0';
        assert_int_equal(tern_config_from_json(&d, bad, "m.tern", &err), TERN_FORMAT);
        assert_non_null(strstr(err.message, "m.tern"));
        free(bad);
    }
    free(json);
}

static void test_json_round_trip(void **state)
{
    char *labels[] = {(char *)(uintptr_t) "a\"\\b", (char *)(uintptr_t) "", (char *)(uintptr_t) "\xe2\x82\xac"};
    struct tern_prompt prompts[] = {{labels[0], labels[2]}, {labels[2], labels[1]}};
    struct tern_config c = largest_config(labels);
    (void)state;
    check_round_trip(&c);
    c.joined[0] = TERN_POOL_LAST;
    c.joined[1] = TERN_POOL_WEIGHTED_MEAN;
    c.n_joined = 2;
    c.leave_out_prompt = 1;
    c.dense[0] = (struct tern_dense_spec){TERN_MAX_WIDTH, TERN_DENSE_SIGMOID, 1};
    c.dense[1] = (struct tern_dense_spec){1, TERN_DENSE_IDENTITY, 0};
    c.n_dense = 2;
    c.dimensions = 1;
    c.prompts = prompts;
    c.n_prompts = 2;
    c.default_prompt = 2;
    check_round_trip(&c);
    c = largest_config(labels);
    /* Layers alike leave no trace of the table; layers that differ are runs. */
    char *json = tern_config_to_json(&c);
    assert_non_null(json);
    assert_null(strstr(json, "\"layer\":"));
    assert_non_null(strstr(json, "\"heads\":16"));
    assert_null(strstr(json, "\"pooler\":"));
    free(json);
    c.pooler = TERN_POOLER_RELU;
    for (int i = 100; i < 200; i++)
        c.layer[i].weights = 50;
    c.layer[7].heads = 3;
    c.layer[8].heads = 3;
    c.layer[201].before = 64;
    c.layer[201].after = 0;
    c.layer[255].activation = TERN_RELU;
    check_round_trip(&c);
    json = tern_config_to_json(&c);
    assert_non_null(strstr(json, "{\"count\":2,\"heads\":3,"));
    assert_non_null(strstr(json, "\"weights\":50}"));
    assert_non_null(strstr(json, "\"pooler\":\"relu\""));
    assert_null(strstr(json, "\"hidden\":8192,\"heads\""));
    free(json);
}

/* What is wrong with a table of layers is named. */
static void test_json_bad_layers(void **state)
{
#define LAYERS(runs)                                                                                                   \
    "{\"layers\":3,\"hidden\":24,\"vocab\":100,\"max_positions\":128,\"token_types\":2,\"max_tokens\":128,"            \
    "\"architecture\":\"bert\",\"layer\":" runs ",\"weights\":\"int8\",\"layer_norm_eps\":1e-12,\"has_pooler\":false," \
    "\"pooling\":\"mean\",\"normalize\":false,\"labels\":[]}"
#define RUN(count, heads, more) RUN_OF("layer", count, heads, more)
#define RUN_OF(norm, count, heads, more)                                                                               \
    "{\"count\":" count ",\"heads\":" heads ",\"head_dim\":6,\"intermediate\":32,\"before\":9,\"after\":9,"            \
    "\"activation\":\"gelu\",\"norm\":\"" norm                                                                         \
    "\",\"place\":\"post\",\"mixer\":\"softmax\",\"position\":\"absolute\","                                           \
    "\"gate\":\"none\"" more "}"
    static const char *const bad[][2] = {
        {LAYERS("[]"), "0 of 3 layers"},
        {LAYERS("[" RUN("2", "4", "") "]"), "2 of 3 layers"},
        {LAYERS("[" RUN("4", "4", "") "]"), "count"},
        {LAYERS("[" RUN("3", "4", "") "," RUN("1", "4", "") "]"), "more than 3 layers"},
        {LAYERS("[" RUN("3", "0", "") "]"), "heads"},
        {LAYERS("[" RUN("3", "4", "") "],\"head\":\"chairman\""), "head chairman"},
        {LAYERS("[" RUN("3", "4", "") "],\"head\":\"classifier\""), "head classifier does not fit 0 labels"},
        {LAYERS("[" RUN("3", "8000", "") "]"), "together at most"},
        {LAYERS("[" RUN("1", "4", ",\"weights\":1") "," RUN("2", "4", "") "]"), "an earlier one"},
        {LAYERS("[" RUN("1", "4", "") "," RUN("2", "3", ",\"weights\":0") "]"), "an earlier one"},
        {LAYERS("[" RUN("2", "4", ",\"weights\":0") "," RUN("1", "4", ",\"weights\":1") "]"), "an earlier one"},
        {LAYERS("[" RUN("3", "4", ",\"weights\":9") "]"), "weights"},
        {LAYERS("[{\"count\":3,\"heads\":4,\"head_dim\":6,\"intermediate\":32,\"before\":9,\"after\":9,"
                "\"activation\":\"gelu\",\"norm\":\"batch\"}]"),
         "norm batch is not supported"},
        {LAYERS("[" RUN("1", "4", "") "," RUN_OF("rms", "2", "4", "") "]"), "norms of another kind than layer 0"},
        {LAYERS("[" RUN("3", "4", ",\"global\":2") "]"), "global"},
        {LAYERS("[" RUN("3", "4", ",\"block\":4") "]"), "a window beside blocks"},
        {LAYERS("[" RUN("3", "4", ",\"repeats\":1") "]"), "repeats a block, but has none"},
        {LAYERS("[" RUN("1", "4", ",\"global\":1") "," RUN("2", "4", ",\"weights\":0") "]"), "an earlier one"},
        {LAYERS("[" RUN("3", "4", "") "],\"head_reads\":\"late\""), "reads late needs a pooler"},
        {LAYERS("[" RUN("3", "4", "") "],\"head_reads\":\"all\""), "head_reads all is not supported"},
        /* Only the keys beside "layer" were looked at. */
        {LAYERS("[" RUN("3", "4", ",\"later\":1") "]"), "a layer of the configuration says later"},
        {LAYERS("[" RUN("3", "4", "") "],\"head\":{\"kind\":\"none\",\"output\":\"softmax\",\"later\":1}"),
         "the configuration's head says later"},
        {LAYERS("[" RUN("3", "4", "") "],\"dense\":[{\"outputs\":8,\"activation\":\"tanh\",\"later\":1}]"),
         "a dense layer of the configuration says later"},
        {LAYERS("[7]"), "not an object"},
        {LAYERS("7"), "not an array"},
    };
    tern_error err;
    struct tern_config c;
    (void)state;
    if (tern_config_from_json(&c, LAYERS("[" RUN("1", "4", "") "," RUN("2", "4", ",\"weights\":0") "]"), "m.tern",
                              &err))
        fail_msg("%s", err.message);
    assert_int_equal(c.layer[2].weights, 0);
    tern_config_free(&c);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(tern_config_from_json(&c, bad[i][0], "m.tern", &err), TERN_FORMAT);
        if (!strstr(err.message, bad[i][1]))
            fail_msg("'%s' does not say '%s'", err.message, bad[i][1]);
    }
}

/* Every field out of its range, of another type and missing: the message names it. */
static void test_json_bad(void **state)
{
    static const char *const good[][2] = {
        {"layers", "2"},
        {"hidden", "24"},
        {"heads", "4"},
        {"intermediate", "32"},
        {"vocab", "100"},
        {"max_positions", "64"},
        {"token_types", "2"},
        {"max_tokens", "64"},
        {"architecture", "\"bert\""},
        {"activation", "\"relu\""},
        {"weights", "\"int8\""},
        {"layer_norm_eps", "1e-12"},
        {"has_pooler", "false"},
        {"pooling", "\"mean\""},
        {"normalize", "true"},
        {"labels", "[\"a\"]"},
    };
    static const char *const bad[] = {"-1", "1.5", "\"x\"", "null", "100000000", "{}", "[1]", NULL};
    const size_t n = sizeof good / sizeof good[0];
    struct tern_config c;
    tern_error err;
    (void)state;

    for (size_t k = 0; k <= n; k++)
        for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
            char text[1000] = "{\"head\":\"classifier\"";
            tern_status status;
            for (size_t i = 0; i < n; i++)
                if (i != k || bad[b])
                    sprintf(text + strlen(text), ",\"%s\":%s", good[i][0], i == k ? bad[b] : good[i][1]);
            strcat(text, "}");
            status = tern_config_from_json(&c, text, "m.tern", &err);
            if (status != (k == n ? TERN_OK : TERN_FORMAT))
                print_error("%s\n", text);
            assert_int_equal(status, k == n ? TERN_OK : TERN_FORMAT);
            if (k < n)
                assert_non_null(strstr(err.message, strcmp(good[k][0], "labels") ? good[k][0] : "label"));
            tern_config_free(&c);
        }
    assert_int_equal(tern_config_from_json(&c, "[]", "m.tern", &err), TERN_FORMAT);
    /* What a later version may have added changes the answer. */
    assert_int_equal(tern_config_from_json(&c, "{\"later\":1}", "m.tern", &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "later"));
}

static int make_dir(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

/* The budget was read by strtod: hexadecimal and exponents passed, and whether 3.5 did was up to the locale. */
static void test_weights_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"auto",     "auto:",    "auto:0x3", "auto:nan", "auto:3junk",
                                      "auto:1.9", "auto:8.1", "auto:3e0", "auto:3,5", "auto: 3",
                                      "auto:+3",  "mixed",    "INT8"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tern_weights_find(bad[i]) >= 0)
            fail_msg("'%s' was accepted", bad[i]);
    assert_int_equal(tern_weights_find("int4"), TERN_WEIGHTS_INT4);
    assert_int_equal(tern_weights_find("auto:3"), TERN_WEIGHTS_MIXED);
    assert_true(tern_weights_bits("auto:3.25") == 3.25 && tern_weights_bits("auto:2") == 2);
    assert_true(tern_weights_bits("int4") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_names),   cmocka_unit_test(test_bert),
        cmocka_unit_test(test_distilbert),      cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_unsupported),     cmocka_unit_test(test_bad_json),
        cmocka_unit_test(test_labels),          cmocka_unit_test(test_limits_of_tokens),
        cmocka_unit_test(test_pooling),         cmocka_unit_test(test_json_round_trip),
        cmocka_unit_test(test_json_bad_layers), cmocka_unit_test(test_json_bad),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
