/* Families whose layers have more than one feed-forward. Of a checkpoint with an adapter for each of several languages
   the one that is asked for is read, else the one that config.json names; MobileBERT's bottlenecks are multiplied into
   its matrices; and what cannot be honoured is refused. tests/test_zoo.c compares the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/json.h"
#include "quant/checkpoint.h"
#include "quant/logit_bits.h"
#include "tests/e2e.h"
#include "tests/make_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XMOD "tests/golden/zoo/xmod"
#define CONVBERT "tests/golden/zoo/convbert"
#define MOBILEBERT "tests/golden/zoo/mobilebert"
enum { HIDDEN = 24, ADAPTER = 8 };
static char dir[256];
static tern_error err;

static tern_status open_case(struct tern_checkpoint *out, const char *directory, const char *adapter)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .adapter = adapter};
    struct tern_purpose purpose = {.options = &options};
    return tern_checkpoint_open(out, directory, &purpose, &err);
}

/* The adapter's first matrix. */
static void read_adapter(const char *adapter, const char *called, float *out)
{
    struct tern_checkpoint c;
    assert_ok(open_case(&c, XMOD, adapter));
    assert_string_equal(c.config.adapter, called);
    assert_int_equal(c.config.layers, 4);
    assert_int_equal(c.config.layer[1].heads, 0);
    assert_int_equal(c.config.layer[1].intermediate, ADAPTER);
    assert_ok(tern_checkpoint_read(&c, (struct tern_key){TERN_PART_FFN_UP, 1, 0, 0}, out, ADAPTER * HIDDEN, &err));
    tern_checkpoint_close(&c);
}

static void test_choice(void **state)
{
    float usual[ADAPTER * HIDDEN], asked[ADAPTER * HIDDEN], other[ADAPTER * HIDDEN];
    (void)state;
    read_adapter(NULL, "de_DE", usual);
    read_adapter("de_DE", "de_DE", asked);
    read_adapter("en_XX", "en_XX", other);
    assert_memory_equal(usual, asked, sizeof usual);
    assert_memory_not_equal(usual, other, sizeof usual);
}

/* The case with a member of config.json replaced, which comes last in the object and so counts. */
static void write_case(const char *from, const char *key, const char *value)
{
    char path[300];
    size_t size;
    snprintf(path, sizeof path, "%s/model.safetensors", from);
    char *bytes = test_read_file(path, &size), text[1600];
    json_t *config = NULL;
    test_write_file(dir, "model.safetensors", bytes, size);
    free(bytes);
    snprintf(path, sizeof path, "%s/config.json", from);
    assert_ok(tern_json_read_file(&config, path, 1 << 20, 0, &err));
    json_object_set_new(config, key, json_loads(value, JSON_DECODE_ANY, NULL));
    size = json_dumpb(config, text, sizeof text, 0);
    assert_true(size < sizeof text);
    test_write_file(dir, "config.json", text, size);
    json_decref(config);
}

static void refused_of(const char *from, const char *key, const char *value, const char *adapter, tern_status status,
                       const char *says)
{
    struct tern_checkpoint c;
    write_case(from, key, value);
    assert_int_equal(open_case(&c, dir, adapter), status);
    if (!strstr(err.message, says))
        fail_msg("%s", err.message);
}

static void refused(const char *key, const char *value, const char *adapter, tern_status status, const char *says)
{
    refused_of(XMOD, key, value, adapter, status, says);
}

static void test_refused(void **state)
{
    (void)state;
    refused("default_language", "null", NULL, TERN_FORMAT, "--adapter");
    refused("default_language", "\"fr_XX\"", NULL, TERN_FORMAT, "default_language");
    refused("model_type", "\"xmod\"", "fr_XX", TERN_USAGE, "not there");
    refused("languages", "[]", "en_XX", TERN_USAGE, "--adapter");
    refused("ln_before_adapter", "false", NULL, TERN_FORMAT, "ln_before_adapter");
    refused("pre_norm", "true", NULL, TERN_FORMAT, "pre_norm");
    refused("num_hidden_layers", "129", NULL, TERN_FORMAT, "256");
    refused("adapter_layer_norm", "false", NULL, TERN_FORMAT, "adapter_layer_norm.bias");

    struct tern_checkpoint c;
    assert_int_equal(open_case(&c, "tests/golden/zoo/roberta", "en_XX"), TERN_USAGE);
    assert_non_null(strstr(err.message, "has no adapters"));
}

/* The key's matrix is that through its bottleneck: W diag(gamma) M. */
static void test_bottleneck(void **state)
{
    struct tern_checkpoint c;
    float key[16 * HIDDEN], bias[16];
    (void)state;
    assert_ok(open_case(&c, MOBILEBERT, NULL));
    assert_int_equal(c.config.layers, 6);
    assert_int_equal(c.config.layer[3].width, 16);
    assert_true(c.config.layer[3].narrow && !c.config.layer[3].widen && c.config.layer[5].widen);
    assert_ok(tern_checkpoint_read(&c, (struct tern_key){TERN_PART_KEY, 3, 0, 0}, key, 16 * HIDDEN, &err));
    assert_ok(tern_checkpoint_read(&c, (struct tern_key){TERN_PART_KEY, 3, 1, 0}, bias, 16, &err));
    tern_checkpoint_close(&c);
}

static void mobilebert_refused(const char *key, const char *value, const char *says)
{
    refused_of(MOBILEBERT, key, value, NULL, TERN_FORMAT, says);
}

static void test_mobilebert_refused(void **state)
{
    (void)state;
    mobilebert_refused("normalization_type", "\"layer_norm\"", "normalization_type");
    mobilebert_refused("trigram_input", "false", "trigram_input");
    mobilebert_refused("hidden_act", "\"gelu\"", "relu");
    mobilebert_refused("key_query_shared_bottleneck", "false", "use_bottleneck_attention");
    mobilebert_refused("true_hidden_size", "24", "true_hidden_size");
    mobilebert_refused("intra_bottleneck_size", "15", "true_hidden_size");
    mobilebert_refused("num_feedforward_networks", "200", "256");
    mobilebert_refused("num_feedforward_networks", "2", "ffn.1");
    mobilebert_refused("num_feedforward_networks", "4", "ffn.2");
    mobilebert_refused("embedding_size", "9", "embedding");
    mobilebert_refused("position_embedding_type", "\"relative_key\"", "absolute");
}

static void test_fnet_refused(void **state)
{
    (void)state;
    refused_of("tests/golden/zoo/fnet", "use_tpu_fourier_optimizations", "true", NULL, TERN_FORMAT,
               "use_tpu_fourier_optimizations");
    refused_of("tests/golden/zoo/fnet", "hidden_size", "25", NULL, TERN_FORMAT, "shape");
}

static void test_nystromformer_refused(void **state)
{
    static const char from[] = "tests/golden/zoo/nystromformer";
    (void)state;
    refused_of(from, "num_landmarks", "8", NULL, TERN_FORMAT, "landmarks");
    refused_of(from, "conv_kernel_size", "4", NULL, TERN_FORMAT, "odd");
    refused_of(from, "conv_kernel_size", "7", NULL, TERN_FORMAT, "conv.weight");
    refused_of(from, "conv_kernel_size", "null", NULL, TERN_FORMAT, "conv.weight");
    refused_of(from, "hidden_act", "\"silu\"", NULL, TERN_FORMAT, "gelu");
}

static void test_convbert_refused(void **state)
{
    (void)state;
    refused_of(CONVBERT, "num_groups", "2", NULL, TERN_FORMAT, "num_groups");
    refused_of(CONVBERT, "conv_kernel_size", "4", NULL, TERN_FORMAT, "conv_kernel_size");
    refused_of(CONVBERT, "conv_kernel_size", "7", NULL, TERN_FORMAT, "depthwise");
    refused_of(CONVBERT, "conv_kernel_size", "129", NULL, TERN_FORMAT, "127");
    refused_of(CONVBERT, "hidden_act", "\"silu\"", NULL, TERN_FORMAT, "gelu");
    refused_of(CONVBERT, "head_ratio", "1", NULL, TERN_FORMAT, "conv_kernel_layer");
    refused_of(CONVBERT, "embedding_size", "null", NULL, TERN_FORMAT, "embedding_size");
}

/* I-BERT's scales for integers alone: the wrong answer would be that of its float weights, without a word. */
static void test_quant_mode(void **state)
{
    (void)state;
    refused_of("tests/golden/zoo/ibert", "quant_mode", "true", NULL, TERN_FORMAT, "set it to false");
}

/* A head of BigBird's that finds answers, where no separator and no second type sets questions apart. It was refused by
   the names of a file's own keys. */
static void test_bigbird_refused(void **state)
{
    static const char from[] = "tests/golden/zoo/bigbird-answer", says[] = "set type_vocab_size and sep_token_id";
    (void)state;
    refused_of(from, "sep_token_id", "96", NULL, TERN_FORMAT, says);
    refused_of(from, "type_vocab_size", "1", NULL, TERN_FORMAT, says);
}

/* The checkpoint with a classifier that is so much larger. */
struct larger {
    struct tern_checkpoint checkpoint;
    float times;
};

static tern_status read_larger(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    const struct larger *l = context;
    const tern_status status = tern_checkpoint_read(&l->checkpoint, key, out, count, e);
    for (size_t i = 0; key.part == TERN_PART_CLASSIFIER && i < count; i++)
        out[i] *= l->times;
    return status;
}

static int settled_bits(float times, const tern_tokenizer *tokenizer)
{
    static struct larger l;
    const struct tern_source source = {.read = read_larger, .context = &l};
    l.times = times;
    assert_ok(open_case(&l.checkpoint, "tests/golden/zoo/mobilebert-tokens", NULL));
    assert_int_not_equal(l.checkpoint.config.logit_bits, 0);
    assert_ok(tern_logit_bits_settle(&l.checkpoint.config, &source, tokenizer, &err));
    const int bits = l.checkpoint.config.logit_bits;
    tern_checkpoint_close(&l.checkpoint);
    return bits;
}

/* Logits that nothing bounds get the fraction bits that the largest leave; they all had 6, and large ones were refused.
 */
static void test_logit_bits(void **state)
{
    static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nwas\n.\na\nof\n";
    tern_tokenizer *tokenizer = NULL;
    (void)state;
    test_write_file(dir, "vocab.txt", vocab, sizeof vocab - 1);
    assert_ok(tern_tokenizer_open(&tokenizer, dir, &err));
    const int bits = settled_bits(1024, tokenizer);
    assert_in_range(bits, 2, 15);
    assert_int_equal(settled_bits(2048, tokenizer), bits - 1);
    assert_int_equal(settled_bits(0x1p30f, tokenizer), 1);
    assert_int_equal(settled_bits(0x1p-20f, tokenizer), 0); /* TERN_LOGIT_BITS */
    tern_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bottleneck),       cmocka_unit_test(test_mobilebert_refused),
        cmocka_unit_test(test_convbert_refused), cmocka_unit_test(test_nystromformer_refused),
        cmocka_unit_test(test_fnet_refused),     cmocka_unit_test(test_quant_mode),
        cmocka_unit_test(test_bigbird_refused),  cmocka_unit_test(test_logit_bits)};
    test_temp_dir(dir, sizeof dir);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(dir);
    return failed;
}
