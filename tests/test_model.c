/* Opening .tern files: good ones, damaged ones, and ones that are well-formed and checksummed but lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lies.h"

/* ---- Good files ------------------------------------------------------------------------------------------------- */

static void test_good(void **state)
{
    (void)state;
    tern_model *model;
    assert_ok(tern_model_open(&model, path, &err));
    const tern_model_info *info = tern_model_get_info(model);
    assert_string_equal(info->architecture, "bert");
    assert_string_equal(info->weights, "int8");
    assert_string_equal(info->activation, "gelu");
    assert_int_equal(info->layers, 2);
    assert_int_equal(info->hidden, 24);
    assert_int_equal(info->heads, 2);
    assert_int_equal(info->intermediate, 40);
    assert_int_equal(info->vocab, 120);
    assert_int_equal(info->max_tokens, 32);
    assert_int_equal(info->token_types, 2);
    assert_int_equal(info->n_labels, 3);
    assert_int_equal(info->pooling, TERN_POOL_MEAN);
    assert_int_equal(info->normalize, 0);
    assert_int_equal(info->file_bytes, good.size);
    /* tables and their norm, two layers, pooler, classifier */
    const uint64_t layer = 4 * (24 * 24 + 24) + 2 * 24 * 40 + 40 + 24 + 4 * 24;
    assert_int_equal(info->parameters, (120 + 32 + 2 + 2) * 24 + 2 * layer + 24 * 24 + 24 + 3 * 25);
    assert_string_equal(tern_model_label(model, 0), "label 0");
    assert_string_equal(tern_model_label(model, 2), "label 2");
    assert_null(tern_model_label(model, 3));
    assert_null(tern_model_label(model, -1));
    assert_int_equal(tern_vocab_size(tern_model_tokenizer(model)), 120);
    const uint64_t checksum = info->checksum;
    tern_model_close(model);

    assert_ok(tern_model_open_memory(&model, good.data, good.size, NULL));
    assert_true(tern_model_get_info(model)->checksum == checksum);
    tern_model_close(model);
    assert_ok(tern_model_open(&model, f32_path, &err));
    assert_string_equal(tern_model_get_info(model)->weights, "f32");
    assert_true(tern_model_get_info(model)->checksum != checksum);
    tern_model_close(model);
    tern_model_close(NULL);

    struct tern_safetensors st; /* data and every tensor begin at multiples of 64 */
    assert_ok(tern_safetensors_open(&st, good.data, good.size, "good", &err));
    for (size_t i = 0; i < st.n_tensors; i++)
        assert_int_equal((uintptr_t)st.tensors[i].data % 64 + st.tensors[i].bytes % 64, 0);
    tern_safetensors_close(&st);

    struct bytes b = tell(&good, NULL); /* rebuilt without a lie: what follows tests the lies alone */
    assert_ok(tern_model_open_memory(&model, b.data, b.size, &err));
    tern_model_close(model);
    free(b.data);
}

/* ---- Damage ----------------------------------------------------------------------------------------------------- */

static void test_truncated(void **state)
{
    (void)state;
    const size_t header = header_bytes(&good);
    struct rng rng = rng_seeded(1, "cuts");
    for (int i = 0; i < 900; i++) {
        size_t size = i < 80    ? (size_t)i
                      : i < 200 ? header - 60 + (size_t)(i - 80)
                      : i < 300 ? good.size - 1 - (size_t)(i - 200)
                      : i < 600 ? (size_t)rng_between(&rng, 0, (int64_t)header)
                                : (size_t)rng_between(&rng, 0, (int64_t)good.size - 1);
        struct bytes cut = new_bytes(size);
        memcpy(cut.data, good.data, size);
        refused(&cut, "model in memory: ", "truncated");
        free(cut.data);
    }
    struct bytes longer = new_bytes(good.size + 64);
    memcpy(longer.data, good.data, good.size);
    memset(longer.data + good.size, 0, 64);
    refused(&longer, "", "longer");
    free(longer.data);
}

static void flipped(struct bytes *b, size_t at, int bit)
{
    char what[64];
    snprintf(what, sizeof what, "bit %d of byte %zu", bit, at);
    b->data[at] ^= (uint8_t)(1 << bit);
    refused(b, "", what);
    b->data[at] ^= (uint8_t)(1 << bit);
}

static void test_flipped(void **state)
{
    (void)state;
    struct bytes copy = new_bytes(good.size);
    struct rng rng = rng_seeded(2, "flips");
    const size_t header = header_bytes(&good);
    memcpy(copy.data, good.data, good.size);
    for (size_t at = 0; at < 64; at++)
        for (int bit = 0; bit < 8; bit++)
            flipped(&copy, at, bit);
    const uint8_t *digits = memmem(good.data, header, "\"tern.checksum\":\"", 17);
    assert_non_null(digits);
    for (size_t at = (size_t)(digits - good.data); at < (size_t)(digits - good.data) + 34; at++)
        for (int bit = 0; bit < 8; bit++)
            flipped(&copy, at, bit);
    for (size_t at = 64; at < header; at += 5)
        flipped(&copy, at, (int)rng_between(&rng, 0, 7));
    for (int i = 0; i < 3000; i++)
        flipped(&copy, header + (size_t)rng_between(&rng, 0, (int64_t)(good.size - header) - 1),
                (int)rng_between(&rng, 0, 7));
    tern_model *model;
    assert_ok(tern_model_open_memory(&model, copy.data, copy.size, &err)); /* all put back */
    tern_model_close(model);
    free(copy.data);
}

static void test_other_files(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",
                                        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n",
                                        "\x02\0\0\0\0\0\0\0{}",
                                        "\xff\xff\xff\xff\xff\xff\xff\xff{}",
                                        "\x01\0\0\0\0\0\0\0{}",
                                        "GGUF"};
    static const size_t sizes[] = {2, 24, 10, 10, 10, 4};
    char name[400];
    tern_model *model = (tern_model *)&err;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(test_write_file(dir, "other.tern", texts[i], sizes[i]), 0);
        snprintf(name, sizeof name, "%s/other.tern", dir);
        assert_int_equal(tern_model_open(&model, name, &err), TERN_FORMAT);
        assert_non_null(strstr(err.message, name));
    }
    assert_int_equal(test_write_file(dir, "other.tern", "", 0), 0);
    assert_int_equal(tern_model_open(&model, name, &err), TERN_FORMAT);
    assert_int_equal(tern_model_open(&model, name, NULL), TERN_FORMAT);
    assert_null(model);

    snprintf(name, sizeof name, "%s/model.safetensors", dir); /* the checkpoint itself */
    assert_int_equal(tern_model_open(&model, name, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "convert"));

    snprintf(name, sizeof name, "%s/absent.tern", dir);
    assert_int_equal(tern_model_open(&model, name, &err), TERN_IO);
    assert_non_null(strstr(err.message, name));
    assert_non_null(strstr(err.message, "No such file")); /* said "error 2" once: strerror_r has two forms */
    assert_int_equal(tern_model_open(&model, dir, &err), TERN_IO);
    assert_int_equal(tern_model_open(&model, "", &err), TERN_IO);
    assert_null(model);

    struct bytes askew = new_bytes(good.size + 64); /* the bytes must be aligned */
    memcpy(askew.data + 4, good.data, good.size);
    refused(&(struct bytes){askew.data + 4, good.size}, "align", "not aligned");
    free(askew.data);
}

/* ---- Lies ------------------------------------------------------------------------------------------------------- */

static const struct lie tensor_lies[] = {
    {"layer.1.ffn_up.weight", POKE, .index = 0, .value = -128, .says = "-128"},
    {"layer.1.ffn_up.weight", POKE, .index = 48 * 24 - 1, .value = -128, .says = "-128"},
    {"classifier.weight", POKE, .index = 100, .value = -128, .says = "-128"},
    {"pooler.weight", POKE, .index = 5, .value = -128, .says = "-128"},
    {"embed.word.q", POKE, .index = 77, .value = -128, .says = "-128"},
    {"embed.position.q", POKE, .index = 0, .value = -128, .says = "-128"},
    {"layer.0.query.mul", POKE, .index = 3, .value = -1, .says = "layer.0.query.mul"},
    {"layer.0.query.mul", POKE, .index = 31, .value = -32768, .says = "layer.0.query.mul"},
    {"classifier.mul", POKE, .index = 15, .value = -1, .says = "classifier.mul"},
    {"embed.word.mul", POKE, .index = 119, .value = -1, .says = "embed.word.mul"},
    {"embed.position.mul", POKE, .index = 31, .value = -1, .says = "embed.position.mul"},
    {"layer.0.key.bias", POKE, .index = 2, .value = -32768, .says = "layer.0.key.bias"},
    {"layer.1.ffn_norm.gamma", POKE, .index = 23, .value = -32768, .says = "layer.1.ffn_norm.gamma"},
    {"embed_norm.beta", POKE, .index = 0, .value = -32768, .says = "embed_norm.beta"},
    /* polynomials: limit, shift, mul, out, coefficients */
    {"layer.0.act", POKE, .index = 0, .value = -1, .says = "layer.0.act"},
    {"layer.0.act", POKE, .index = 1, .value = 1, .says = "layer.0.act"}, /* limit << shift: over 32767 */
    {"layer.0.act", POKE, .index = 1, .value = 15, .says = "layer.0.act"},
    {"layer.0.act", POKE, .index = 1, .value = 14, .says = "layer.0.act"},
    {"layer.0.act", POKE, .index = 2, .value = -1, .says = "layer.0.act"},
    {"layer.0.act", POKE, .index = 3, .value = -1, .says = "layer.0.act"},
    {"layer.0.act", POKE, .index = 4, .value = -32768, .says = "layer.0.act"},
    {"pooler.act", POKE, .index = 11, .value = -32768, .says = "pooler.act"},
    /* wnorm2, kappa's mul and exp, up */
    {"layer.0.value.param", POKE, .index = 0, .value = -1, .says = "layer.0.value.param"},
    {"layer.0.value.param", POKE, .index = 1, .value = -1, .says = "real number"},
    {"layer.0.value.param", POKE, .index = 1, .value = (1 << 30) - 1, .says = "real number"},
    {"layer.0.value.param", POKE, .index = 1, .value = 0, .says = "real number"}, /* 0 has the exponent 0 */
    {"layer.0.value.param", POKE, .index = 2, .value = 257, .says = "real number"},
    {"layer.0.value.param", POKE, .index = 2, .value = -129, .says = "real number"},
    {"layer.0.value.param", POKE, .index = 2, .value = -BIG - 1, .says = "real number"},
    /* A negative shape of blocks was not refused here. */
    {"layer.0.value.param", POKE, .index = 6, .value = -1, .says = "blocks that do not exist"},
    {"layer.0.value.param", POKE, .index = 6, .value = 5, .says = "blocks that do not exist"},
    {"layer.1.attn_out.param", POKE, .index = 3, .value = 16, .says = "layer.1.attn_out.param"},
    {"layer.1.attn_out.param", POKE, .index = 3, .value = -1, .says = "layer.1.attn_out.param"},
    {"layer.1.score", POKE, .index = 0, .value = 7, .says = "real number"},
    /* norms: eps in two halves, unit */
    {"layer.0.attn_norm.param", POKE, .index = 1, .value = 0x40000001, .says = "layer.0.attn_norm.param"},
    {"layer.0.attn_norm.param", POKE, .index = 1, .value = -1, .says = "layer.0.attn_norm.param"},
    {"layer.0.attn_norm.param", POKE, .index = 2, .value = 3, .says = "real number"},
    {"layer.0.attn_norm.param", POKE, .index = 3, .value = 23, .says = "layer.0.attn_norm.param"},
    {"layer.0.attn_norm.param", POKE, .index = 3, .value = 87, .says = "layer.0.attn_norm.param"},
    {"layer.0.attn_norm.param", POKE, .index = 4, .value = 2, .says = "layer.0.attn_norm.param"}, /* affine: 0 or 1 */
    {"layer.1.ffn_norm.param", POKE, .index = 4, .value = -1, .says = "layer.1.ffn_norm.param"},
    {"embed.position.q", CODES, "embed.position.code", 1, 8, .says = "embed.position.q"}, /* it has no codes */
    /* within the limits: these open and must run */
    {"layer.0.attn_norm.param", POKE, .index = 4, .value = 1, .says = NULL},
    {"layer.1.ffn_norm.param", POKE, .index = 4, .value = 1, .says = NULL},
    {"layer.0.value.param", POKE, .index = 0, .value = 0, .says = NULL},
    {"layer.0.value.param", POKE, .index = 0, .value = BIG, .says = NULL},
    {"layer.0.value.param", POKE, .index = 2, .value = 256, .says = NULL},
    {"layer.0.value.param", POKE, .index = 2, .value = -128, .says = NULL},
    {"layer.0.query.param", POKE, .index = 1, .value = BIG, .says = NULL},
    {"layer.0.query.param", POKE, .index = 2, .value = -128, .says = NULL},
    {"layer.0.ffn_up.param", POKE, .index = 2, .value = -128, .says = NULL},
    {"layer.1.attn_out.param", POKE, .index = 3, .value = 15, .says = NULL},
    {"layer.1.attn_out.param", POKE, .index = 2, .value = -128, .says = NULL},
    {"layer.1.attn_out.param", POKE, .index = 2, .value = 256, .says = NULL},
    {"layer.1.ffn_down.param", POKE, .index = 2, .value = -20, .says = NULL},
    {"layer.1.ffn_down.param", POKE, .index = 0, .value = BIG, .says = NULL},
    {"layer.1.attn_out.bias", POKE, .index = 3, .value = -BIG - 1, .says = NULL},
    {"layer.1.attn_out.bias", POKE, .index = 3, .value = BIG, .says = NULL},
    {"classifier.bias", POKE, .index = 1, .value = -BIG - 1, .says = NULL},
    {"classifier.bias", POKE, .index = 1, .value = BIG, .says = NULL},
    {"classifier.param", POKE, .index = 2, .value = -128, .says = NULL},
    {"classifier.param", POKE, .index = 2, .value = 256, .says = NULL},
    {"classifier.param", POKE, .index = 2, .value = 79, .says = NULL},
    {"layer.1.score", POKE, .index = 1, .value = -128, .says = NULL},
    {"layer.1.score", POKE, .index = 1, .value = 256, .says = NULL},
    {"layer.0.attn_norm.param", POKE, .index = 1, .value = 0x3fffffff, .says = NULL},
    {"embed_norm.param", POKE, .index = 1, .value = 0x40000000, .says = "embed_norm.param"}, /* its low half is not 0 */
    {"layer.1.ffn_norm.param", POKE, .index = 3, .value = 24, .says = NULL},
    {"layer.1.ffn_norm.param", POKE, .index = 3, .value = 86, .says = NULL},
    {"layer.0.act", POKE, .index = 3, .value = 32767, .says = NULL},
    {"layer.0.act", POKE, .index = 4, .value = 32767, .says = NULL},
    {"layer.0.act", POKE, .index = 11, .value = -32767, .says = NULL},
    {"layer.0.act", POKE, .index = 2, .value = 32767, .says = NULL},
    {"pooler.act", POKE, .index = 4, .value = -32767, .says = NULL},
};

static void test_lies_in_tensors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tensor_lies / sizeof *tensor_lies; i++)
        check_lie(&good, &tensor_lies[i]);
}

static void test_lies_about_tensors(void **state)
{
    (void)state;
    check_every_tensor(&good);
    check_every_tensor(&good_f32);
}

static const struct lie config_lies[] = {
    {NULL, CONFIG, "layers", .value = 0, .says = "layers"},
    {NULL, CONFIG, "layers", .value = 257, .says = "layers"},
    {NULL, CONFIG, "layers", .value = 3, .says = "layer.2."},
    {NULL, CONFIG, "layers", .text = "\"2\"", .says = "layers"},
    {NULL, CONFIG, "layers", .text = "2.0", .says = "layers"},
    {NULL, CONFIG, "layers", .text = "9223372036854775807", .says = "layers"},
    {NULL, CONFIG, "hidden", .value = 8193, .says = "hidden"},
    {NULL, CONFIG, "hidden", .value = 25, .says = "heads"},
    {NULL, CONFIG, "hidden", .value = 26, .says = "embed.word.q"},
    {NULL, CONFIG, "hidden", .value = 8192, .says = "heads of 4096"},
    {NULL, CONFIG, "heads", .value = 0, .says = "heads"},
    {NULL, CONFIG, "heads", .value = 5, .says = "heads"},
    {NULL, CONFIG, "heads", .value = 3, .says = NULL}, /* other heads of the same matrices */
    {NULL, CONFIG, "heads", .value = 1, .says = NULL},
    {NULL, CONFIG, "intermediate", .value = 32769, .says = "intermediate"},
    {NULL, CONFIG, "intermediate", .value = 32768, .says = "ffn_up"},
    {NULL, CONFIG, "vocab", .value = (1 << 24) + 1, .says = "vocab"},
    {NULL, CONFIG, "vocab", .value = 1 << 24, .says = "embed.word"},
    {NULL, CONFIG, "vocab", .value = 119, .says = "pieces"}, /* the table's padding hides it, the tokenizer not */
    {NULL, CONFIG, "max_positions", .value = 16643, .says = "max_positions"},
    {NULL, CONFIG, "max_positions", .value = 2, .says = "max_positions"},
    {NULL, CONFIG, "max_positions", .value = 31, .says = "max_tokens"},
    {NULL, CONFIG, "max_positions", .value = 8192, .says = "embed.position"},
    {NULL, CONFIG, "max_tokens", .value = 33, .says = "max_tokens"},
    {NULL, CONFIG, "token_types", .value = 0, .says = "embed.position"},
    {NULL, CONFIG, "token_types", .value = 17, .says = "token_types"},
    {NULL, CONFIG, "architecture", .text = "\"gpt\"", .says = "gpt"},
    {NULL, CONFIG, "activation", .text = "\"swish\"", .says = "swish"},
    {NULL, CONFIG, "activation", .text = "null", .says = "activation"},
    {NULL, CONFIG, "weights", .text = "\"int5\"", .says = "int5"},
    {NULL, CONFIG, "weights", .text = "\"int3\"", .says = NULL}, /* a matrix says itself what it is */
    {NULL, CONFIG, "weights", .text = "\"mixed\"", .says = NULL},
    {NULL, CONFIG, "weights", .text = "\"f32\"", .says = "embed.word.weight"},
    {NULL, CONFIG, "pooling", .text = "\"median\"", .says = "median"},
    {NULL, CONFIG, "pooling", .text = "[]", .says = "0 poolings"},
    {NULL, CONFIG, "pooling", .text = "[\"mean\", 1]", .says = "no name"},
    {NULL, CONFIG, "pooling", .text = "[\"mean\", \"max\"]", .says = NULL},
    {NULL, CONFIG, "dense", .text = "[{\"outputs\": 8, \"activation\": \"tanh\"}]", .says = "module.0.dense"},
    {NULL, CONFIG, "dense", .text = "[{\"outputs\": 32769, \"activation\": \"tanh\"}]", .says = "outputs"},
    {NULL, CONFIG, "dense", .text = "[{\"outputs\": 8, \"activation\": \"gelu\"}]", .says = "gelu"},
    {NULL, CONFIG, "dense", .text = "[1]", .says = "not an object"},
    {NULL, CONFIG, "dense", .text = "{}", .says = "array"},
    {NULL, CONFIG, "dimensions", .value = 0, .says = "dimensions"},
    {NULL, CONFIG, "dimensions", .value = 7, .says = NULL},
    {NULL, CONFIG, "include_prompt", .text = "0", .says = "include_prompt"},
    {NULL, CONFIG, "prompts", .text = "{\"a\": 1}", .says = "prompt a"},
    {NULL, CONFIG, "prompts", .text = "[]", .says = "prompts"},
    {NULL, CONFIG, "default_prompt", .text = "\"query\"", .says = "none of the prompts"},
    {NULL, CONFIG, "layer_norm_eps", .text = "-1.0", .says = "layer_norm_eps"},
    {NULL, CONFIG, "layer_norm_eps", .text = "1e300", .says = "layer_norm_eps"},
    {NULL, CONFIG, "labels", .text = "[\"a\", 5, \"c\"]", .says = "label 1"},
    {NULL, CONFIG, "labels", .text = "{}", .says = "labels"},
    {NULL, CONFIG, "labels", .text = "[\"a\", \"b\\nc\", \"d\"]", .says = "label 1"},
    {NULL, CONFIG, "has_pooler", .text = "1", .says = "has_pooler"},
    {NULL, CONFIG, "normalize", .text = "\"yes\"", .says = "normalize"},
    {NULL, CONFIG, "has_pooler", .text = "false", .says = NULL}, /* the classifier then reads the state itself */
    {NULL, CONFIG, "normalize", .text = "true", .says = NULL},
    {"tern.config", METADATA, NULL, .says = "config"},
    {"tern.config", METADATA, "", .says = ""},
    {"tern.config", METADATA, "[]", .says = "object"},
    {"tern.config", METADATA, "{\"layers\": 2", .says = ""},
    {"tern.config", METADATA, "{}", .says = ""},
    {"tern.scheme", METADATA, NULL, .says = "convert"},
    {"tern.scheme", METADATA, "999", .says = "scheme 999"},
    {"tern.vocabulary_bytes", METADATA, NULL, .says = "vocabulary"},
    {"tern.vocabulary_bytes", METADATA, "", .says = "vocabulary"},
    {"tern.vocabulary_bytes", METADATA, "99999999", .says = "vocabulary"},
    {"tern.vocabulary_bytes", METADATA, "99999999999999999999999999", .says = "vocabulary"},
    {"tern.vocabulary_bytes", METADATA, "12x", .says = "vocabulary"},
    {"tern.vocabulary_bytes", METADATA, "-1", .says = "vocabulary"},
    {"tern.vocabulary_bytes", METADATA, "0", .says = ""},
    {"tern.vocabulary_bytes", METADATA, "1", .says = ""},
    {"tern.tokenizer", METADATA, NULL, .says = "vocabulary"},
    {"tern.tokenizer", METADATA, "", .says = ""},
    {"tern.tokenizer", METADATA, "{}", .says = ""},
    {"vocabulary", RETYPE, .says = "vocabulary"},
    {"vocabulary", DROP, .says = NULL}, /* a model without a vocabulary takes ids */
};

static void test_lies_in_metadata(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof config_lies / sizeof *config_lies; i++)
        check_lie(&good, &config_lies[i]);
    struct bytes b = tell(&good, &(struct lie){"vocabulary", DROP, .says = NULL});
    tern_model *model;
    assert_ok(tern_model_open_memory(&model, b.data, b.size, &err));
    assert_null(tern_model_tokenizer(model));
    tern_model_close(model);
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_lies_in_tensors),
        cmocka_unit_test(test_lies_about_tensors),
        cmocka_unit_test(test_lies_in_metadata),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
