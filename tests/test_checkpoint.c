/* Checkpoints: every spelling gives the same weights, every flaw one line; and each allocation may fail. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/checkpoint.h"
#include "tests/make_checkpoint.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[256];
/* Small and odd, so that a swapped shape shows; all tests that need no other size use it. */
static const struct test_checkpoint_spec small = {.layers = 2,
                                                  .hidden = 12,
                                                  .heads = 2,
                                                  .intermediate = 20,
                                                  .vocab = 30,
                                                  .max_positions = 10,
                                                  .token_types = 3,
                                                  .pooler = 1,
                                                  .n_labels = 5};

/* ---- Counted allocations, Tern's and jansson's ---- */

static long live, fail_at = -1; /* blocks in use; how many more allocations succeed, -1: all */
static int fail_all, n_failed;  /* after the first failure: all the others too; how many have failed */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static int fails(void)
{
    if (fail_at == 0) {
        fail_at = fail_all ? 0 : -1;
        n_failed++;
        return 1;
    }
    fail_at -= fail_at > 0;
    return 0;
}

void *__wrap_malloc(size_t size)
{
    void *block = fails() ? NULL : __real_malloc(size);
    live += block != NULL;
    return block;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *block = fails() ? NULL : __real_calloc(n, size);
    live += block != NULL;
    return block;
}

void *__wrap_realloc(void *old, size_t size)
{
    void *block = fails() ? NULL : __real_realloc(old, size);
    live += old == NULL && block != NULL;
    return block;
}

void __wrap_free(void *block)
{
    live -= block != NULL;
    __real_free(block);
}

/* By a canonical name; one that is none is refused like a tensor that is not there. */
static tern_status read_named(const struct tern_checkpoint *c, const char *name, float *out, size_t count,
                              tern_error *err)
{
    struct tern_key key;
    if (!tern_key_parse(&key, name) || key.layer >= c->config.layers)
        return TERN_FORMAT;
    char again[TERN_KEY_NAME];
    tern_key_name(again, key);
    assert_string_equal(again, name);
    return tern_checkpoint_read(c, key, out, count, err);
}

/* ---- Good ones ---- */

/* Every canonical name of a spec's model, with its number of elements; the callback sees them one by one. */
static void for_each_tensor(const struct tern_config *c, void (*see)(const char *name, size_t count, void *context),
                            void *context)
{
    const size_t h = (size_t)c->hidden, i = (size_t)c->layer[0].intermediate;
    const struct {
        const char *name;
        size_t weight, bias;
    } parts[] = {{"query", h * h, h}, {"key", h * h, h},    {"value", h * h, h},    {"attn_out", h * h, h},
                 {"attn_norm", h, h}, {"ffn_up", i * h, i}, {"ffn_down", h * i, h}, {"ffn_norm", h, h}};
    char name[64];

    see("embed.word.weight", (size_t)c->vocab * h, context);
    see("embed.position.weight", (size_t)c->max_positions * h, context);
    if (c->token_types)
        see("embed.type.weight", (size_t)c->token_types * h, context);
    see("embed.norm.weight", h, context);
    see("embed.norm.bias", h, context);
    for (int32_t n = 0; n < c->layers; n++)
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            snprintf(name, sizeof name, "layer.%d.%s.weight", n, parts[p].name);
            see(name, parts[p].weight, context);
            snprintf(name, sizeof name, "layer.%d.%s.bias", n, parts[p].name);
            see(name, parts[p].bias, context);
        }
    if (c->pooler != TERN_POOLER_NONE) {
        see("pooler.weight", h * h, context);
        see("pooler.bias", h, context);
    }
    if (c->n_labels) {
        see("classifier.weight", (size_t)c->n_labels * h, context);
        see("classifier.bias", (size_t)c->n_labels, context);
    }
}

struct sums {
    const struct tern_checkpoint *checkpoint;
    uint64_t hash;
    size_t n_tensors;
};

static void hash_tensor(const char *name, size_t count, void *context)
{
    struct sums *sums = context;
    float *values = malloc(count * sizeof values[0]);
    tern_error err = {0};

    assert_non_null(values);
    if (read_named(sums->checkpoint, name, values, count, &err) != TERN_OK)
        fail_msg("%s: %s", name, err.message);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        sums->hash = (sums->hash ^ bits) * 0x100000001b3u;
    }
    sums->n_tensors++;
    free(values);
}

/* Writes, opens, reads all tensors: the hash of the weights. */
static uint64_t weights_of(const struct test_checkpoint_spec *spec)
{
    struct tern_checkpoint c;
    struct sums sums = {.checkpoint = &c};
    tern_error err = {0};

    assert_int_equal(test_write_checkpoint(dir, spec), 0);
    if (tern_checkpoint_open(&c, dir, NULL, &err) != TERN_OK)
        fail_msg("%s", err.message);
    assert_int_equal(c.config.pooler != TERN_POOLER_NONE, spec->pooler);
    assert_int_equal(c.config.n_labels, spec->n_labels);
    if (spec->n_labels)
        assert_string_equal(c.config.labels[spec->n_labels - 1], "label 4");
    for_each_tensor(&c.config, hash_tensor, &sums);
    assert_int_equal(sums.n_tensors, (spec->architecture == TERN_BERT ? 5 : 4) + 32 + (spec->pooler ? 2 : 0) +
                                         (spec->n_labels ? 2 : 0));
    tern_checkpoint_close(&c);
    tern_checkpoint_close(&c);
    return sums.hash;
}

static void test_spellings(void **state)
{
    static const char *const prefixes[] = {"", "bert.", "distilbert.", "model."};
    (void)state;
    for (int a = TERN_BERT; a <= TERN_DISTILBERT; a++)
        for (int head = 0; head < 3; head++) {
            struct test_checkpoint_spec spec = small;
            uint64_t hash;
            spec.architecture = (enum tern_architecture)a;
            spec.pooler = head > 0;
            spec.n_labels = head > 1 ? 5 : 0;
            hash = weights_of(&spec);
            spec.seed = 1;
            assert_true(weights_of(&spec) != hash);
            spec.seed = 0;
            for (int variant = 0; variant < 16; variant++) {
                spec.prefix = prefixes[variant / 4];
                spec.gamma_beta = variant & 1;
                spec.with_ignored = variant >> 1 & 1;
                spec.header_padding = (size_t)variant; /* also floats at odd addresses */
                assert_true(weights_of(&spec) == hash);
            }
        }
}

static void test_odd_sizes(void **state)
{
    static const int32_t sizes[][3] = {{264, 12, 22}, {312, 12, 26}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct tern_checkpoint c;
        struct test_checkpoint_spec spec = {.hidden = sizes[i][0],
                                            .heads = sizes[i][1],
                                            .layers = 1,
                                            .intermediate = 600,
                                            .architecture = i ? TERN_DISTILBERT : TERN_BERT,
                                            .dtype = TERN_F16};
        assert_int_equal(test_write_checkpoint(dir, &spec), 0);
        assert_int_equal(tern_checkpoint_open(&c, dir, NULL, NULL), TERN_OK);
        assert_int_equal(c.config.layer[0].head_dim, sizes[i][2]);
        tern_checkpoint_close(&c);
    }
}

/* Without id2label the labels have transformers' names. */
static void test_default_labels(void **state)
{
    struct tern_checkpoint c;
    static const char config[] =
        "{\"vocab_size\":30,\"hidden_size\":12,\"num_hidden_layers\":2,\"num_attention_heads\":2,"
        "\"intermediate_size\":20,\"max_position_embeddings\":10,\"type_vocab_size\":3}";
    (void)state;
    assert_int_equal(test_write_checkpoint(dir, &small), 0);
    assert_int_equal(test_write_file(dir, "config.json", config, strlen(config)), 0);
    assert_int_equal(tern_checkpoint_open(&c, dir, NULL, NULL), TERN_OK);
    assert_int_equal(c.config.n_labels, 5);
    assert_string_equal(c.config.labels[4], "LABEL_4");
    tern_checkpoint_close(&c);
}

/* ---- Exact conversion: all 65,536 numbers of each half format ---- */

static void write_halves(enum tern_dtype dtype, int finite_only)
{
    const uint32_t exponents = dtype == TERN_F16 ? 0x7c00 : 0x7f80;
    static const char config[] =
        "{\"model_type\":\"distilbert\",\"vocab_size\":4096,\"dim\":16,\"n_heads\":1,\"n_layers\":1,"
        "\"hidden_dim\":8,\"max_position_embeddings\":8}";
    struct test_checkpoint_spec spec = {.architecture = TERN_DISTILBERT,
                                        .hidden = 16,
                                        .heads = 1,
                                        .layers = 1,
                                        .intermediate = 8,
                                        .vocab = 4096,
                                        .max_positions = 8,
                                        .dtype = dtype};
    char path[300];
    uint8_t header[8];
    FILE *f;

    assert_int_equal(test_write_checkpoint(dir, &spec), 0);
    assert_int_equal(test_write_file(dir, "config.json", config, strlen(config)), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fread(header, 1, 8, f), 8);
    fseek(f, 8 + header[0] + 256 * header[1], SEEK_SET); /* the word embeddings come first */
    for (uint32_t bits = 0; bits < 65536; bits++) {
        uint32_t half = finite_only && (bits & exponents) == exponents ? 0 : bits;
        fputc((int)(half & 255), f);
        fputc((int)(half >> 8), f);
    }
    assert_int_equal(fclose(f), 0);
}

static void test_halves_exact(void **state)
{
    float *values = malloc(65536 * sizeof values[0]);
    struct tern_checkpoint c;
    tern_error err;
    (void)state;
    assert_non_null(values);
    for (int i = 0; i < 2; i++) {
        const enum tern_dtype dtype = i ? TERN_BF16 : TERN_F16;
        const int fraction_bits = i ? 7 : 10, top = i ? 255 : 31, bias = i ? 127 : 15;
        write_halves(dtype, 1);
        assert_int_equal(tern_checkpoint_open(&c, dir, NULL, NULL), TERN_OK);
        assert_int_equal(read_named(&c, "embed.word.weight", values, 65536, &err), TERN_OK);
        tern_checkpoint_close(&c);
        for (int bits = 0; bits < 65536; bits++) {
            const int exponent = bits >> fraction_bits & top, fraction = bits & ((1 << fraction_bits) - 1);
            double expected = exponent ? ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits)
                                       : ldexp(fraction, 1 - bias - fraction_bits);
            if (exponent == top)
                continue;
            assert_true((double)values[bits] == (bits >> 15 ? -expected : expected));
            assert_int_equal(!!signbit(values[bits]), bits >> 15);
        }
        write_halves(dtype, 0);
        assert_int_equal(tern_checkpoint_open(&c, dir, NULL, NULL), TERN_OK);
        assert_int_equal(read_named(&c, "embed.word.weight", values, 65536, &err), TERN_FORMAT);
        assert_non_null(strstr(err.message, i ? "element 32640 is infinite" : "element 31744 is infinite"));
        tern_checkpoint_close(&c);
    }
    free(values);
}

/* ---- Bad ones ---- */

struct flaw {
    const char *canonical; /* the tensor that has it */
    enum { MISSING, TRANSPOSED, TOO_SHORT, EXTRA_DIMENSION, INTEGER, DOUBLE, NOT_A_NUMBER, INFINITE } kind;
};

static void spoil(void *context, struct test_tensor *t)
{
    const struct flaw *flaw = context;
    int64_t rows = t->shape[0];
    if (!t->canonical || strcmp(t->canonical, flaw->canonical) != 0)
        return;
    switch (flaw->kind) {
    case MISSING: t->count = 0; break;
    case TRANSPOSED:
        t->shape[0] = t->n_dims > 1 ? t->shape[1] : 1;
        t->shape[1] = rows;
        t->n_dims = 2;
        break;
    case TOO_SHORT:
        t->shape[0]--;
        t->count -= t->n_dims > 1 ? (size_t)t->shape[1] : 1;
        break;
    case EXTRA_DIMENSION: t->shape[t->n_dims++] = 1; break;
    case INTEGER: t->dtype = TERN_I32; break;
    case DOUBLE: t->dtype = TERN_F64; break;
    case NOT_A_NUMBER: t->values[t->count - 1] = NAN; break;
    case INFINITE: t->values[0] = -INFINITY; break;
    }
}

static void test_flaws(void **state)
{
    static const char *const names[] = {"embed.word.weight",       "embed.position.weight",   "embed.type.weight",
                                        "embed.norm.weight",       "layer.0.query.weight",    "layer.1.query.bias",
                                        "layer.1.value.weight",    "layer.0.attn_norm.bias",  "layer.0.ffn_up.weight",
                                        "layer.1.ffn_down.weight", "layer.1.ffn_norm.weight", "pooler.bias",
                                        "classifier.weight",       "classifier.bias"};
    static const char *const says[] = {"is missing", "shape", "shape", "shape", "is I32", "is F64", "NaN", "infinite"};
    (void)state;

    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        for (int kind = MISSING; kind <= INFINITE; kind++) {
            struct flaw flaw = {.canonical = names[n]};
            struct test_checkpoint_spec spec = small;
            struct tern_checkpoint c;
            float values[400];
            tern_error err = {0};
            tern_status status;
            const int square = strstr(names[n], "query.weight") || strstr(names[n], "value.weight");
            const int classifier = strcmp(names[n], "classifier.weight") == 0;
            memcpy(&flaw.kind, &kind, sizeof kind);
            if ((kind == TRANSPOSED && square) || (kind == MISSING && classifier))
                continue; /* no flaw: a square matrix looks the same; without its weight there is no classifier */
            spec.edit = spoil;
            spec.context = &flaw;
            assert_int_equal(test_write_checkpoint(dir, &spec), 0);
            status = tern_checkpoint_open(&c, dir, NULL, &err);
            if (kind >= NOT_A_NUMBER) { /* seen when the values are read */
                size_t count = strstr(names[n], "bias") || strstr(names[n], "norm") ? 12 : 144;
                assert_int_equal(status, TERN_OK);
                count = strstr(names[n], "word")                                     ? 360
                        : strstr(names[n], "position")                               ? 120
                        : strstr(names[n], "type")                                   ? 36
                        : strstr(names[n], "ffn_up") || strstr(names[n], "ffn_down") ? 240
                        : classifier                                                 ? 60
                        : strstr(names[n], "classifier")                             ? 5
                                                                                     : count;
                status = read_named(&c, names[n], values, count, &err);
                tern_checkpoint_close(&c);
            } else {
                assert_null(c.weights.files);
                assert_null(c.config.labels);
            }
            if (status != TERN_FORMAT || !strstr(err.message, "model.safetensors") ||
                (!strstr(err.message, says[kind]) && !(classifier && kind < INTEGER)))
                fail_msg("%s, flaw %d: %d %s", names[n], kind, (int)status, err.message);
            assert_non_null(strstr(err.message, kind == MISSING || !classifier ? "." : "classifier"));
        }
}

static void expect_open(tern_status expected, const char *says)
{
    struct tern_checkpoint c;
    tern_error err = {0};
    tern_status status = tern_checkpoint_open(&c, dir, NULL, &err);
    if (status != expected || (says && !strstr(err.message, says)))
        fail_msg("%d %s", (int)status, err.message);
    tern_checkpoint_close(&c);
}

static void test_bad_files(void **state)
{
    struct test_checkpoint_spec spec = small;
    (void)state;

    assert_int_equal(test_write_checkpoint(dir, &spec), 0);
    test_write_file(dir, "model.safetensors", "", 0);
    expect_open(TERN_FORMAT, "is empty");
    test_write_file(dir, "model.safetensors", NULL, 0);
    expect_open(TERN_IO, "no weights: there is no model.safetensors, pytorch_model.bin");
    test_write_file(dir, "pytorch_model.bin", "x", 1);
    expect_open(TERN_FORMAT, "neither a zip archive nor a pickle");
    test_write_file(dir, "model.safetensors.index.json", "{}", 2);
    expect_open(TERN_FORMAT, "weight_map");
    test_write_file(dir, "model.safetensors", "not a container", 15);
    expect_open(TERN_FORMAT, "is this a safetensors file?");
    test_write_file(dir, "model.safetensors.index.json", NULL, 0);
    test_write_file(dir, "pytorch_model.bin", NULL, 0);
    /* config and weights that do not belong together */
    spec.n_labels = 0;
    spec.pooler = 0;
    assert_int_equal(test_write_checkpoint(dir, &spec), 0);
    static const char more_layers[] =
        "{\"model_type\":\"bert\",\"vocab_size\":30,\"hidden_size\":12,\"num_hidden_layers\":3,"
        "\"num_attention_heads\":2,\"intermediate_size\":20,\"max_position_embeddings\":10,"
        "\"type_vocab_size\":3}";
    test_write_file(dir, "config.json", more_layers, strlen(more_layers));
    expect_open(TERN_FORMAT, "encoder.layer.2.attention.self.query.weight is missing");
}

static void test_labels_mismatch(void **state)
{
    struct test_checkpoint_spec spec = small;
    char path[300];
    char text[1000];
    size_t n;
    FILE *f;
    (void)state;
    spec.n_labels = 2;
    assert_int_equal(test_write_checkpoint(dir, &spec), 0);
    snprintf(path, sizeof path, "%s/config.json", dir);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    assert_int_equal(test_write_checkpoint(dir, &small), 0);
    test_write_file(dir, "config.json", text, n);
    expect_open(TERN_FORMAT, "5 rows, config.json's id2label 2 labels");
}

static void test_bad_reads(void **state)
{
    static const char *const names[] = {"",
                                        ".",
                                        "weight",
                                        "embed.word",
                                        "embed.word.bias",
                                        "embed.word.gamma",
                                        "layer.0.query",
                                        "layer..query.weight",
                                        "layer.x.query.weight",
                                        "layer.2.query.weight",
                                        "layer.99999999999.query.weight",
                                        "layer.0.embed.word.weight",
                                        "query.weight",
                                        "layer.-1.query.weight",
                                        "bert.embeddings.word_embeddings.weight"};
    struct tern_checkpoint c;
    float values[400];
    tern_error err;
    (void)state;
    assert_int_equal(test_write_checkpoint(dir, &small), 0);
    assert_int_equal(tern_checkpoint_open(&c, dir, NULL, NULL), TERN_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(read_named(&c, names[i], values, 144, &err), TERN_FORMAT);
    assert_int_equal(read_named(&c, "layer.0.query.weight", values, 143, &err), TERN_FORMAT);
    assert_int_equal(read_named(&c, "layer.0.query.weight", values, 145, NULL), TERN_FORMAT);
    assert_int_equal(read_named(&c, "layer.0.query.weight", values, 144, &err), TERN_OK);
    tern_checkpoint_close(&c);
}

/* ---- Failing allocations ---- */

/* Open, to JSON and back, close: what a conversion does with a checkpoint. */
static tern_status walk(tern_error *err)
{
    struct tern_checkpoint c;
    struct tern_config copy;
    tern_status status = tern_checkpoint_open(&c, dir, NULL, err);
    if (status != TERN_OK)
        return status;
    char *json = tern_config_to_json(&c.config);
    status = json ? tern_config_from_json(&copy, json, "x", err) : tern_fail_nomem(err, "x", 1);
    if (status == TERN_OK)
        tern_config_free(&copy);
    free(json);
    tern_checkpoint_close(&c);
    return status;
}

static void test_failing_allocations(void **state)
{
    const long before = live;
    struct test_checkpoint_spec spec = small;
    static const char config[] =
        "{\"model_type\":\"bert\",\"vocab_size\":30,\"hidden_size\":12,\"num_hidden_layers\":1,"
        "\"num_attention_heads\":2,\"intermediate_size\":20,\"max_position_embeddings\":10,"
        "\"type_vocab_size\":3}";
    (void)state;

    spec.layers = 1;
    spec.pooling = "cls";
    spec.normalize = 1;
    for (int no_labels = 0; no_labels < 2; no_labels++) {
        assert_int_equal(test_write_checkpoint(dir, &spec), 0);
        if (no_labels)
            test_write_file(dir, "config.json", config, strlen(config));
        for (fail_all = 0; fail_all < 2; fail_all++) {
            tern_status status = TERN_NOMEM;
            long n;
            for (n = 0; status == TERN_NOMEM; n++) {
                tern_error err = {0};
                fail_at = n;
                n_failed = 0;
                status = walk(&err);
                fail_at = -1;
                if (n_failed > 0 && (status != TERN_NOMEM || err.code != TERN_NOMEM))
                    fail_msg("allocation %ld: %d %s", n, (int)status, err.message);
                assert_int_equal(live, before);
            }
            assert_int_equal(status, TERN_OK);
            assert_in_range(n, 200, 5000);
        }
    }
    fail_all = 0;
    test_write_file(dir, "modules.json", NULL, 0);
    test_write_file(dir, "1_Pooling/config.json", NULL, 0);
}

static int make_dir(void **state)
{
    (void)state;
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    test_temp_dir(dir, sizeof dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_odd_sizes),
        cmocka_unit_test(test_default_labels),
        cmocka_unit_test(test_halves_exact),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_labels_mismatch),
        cmocka_unit_test(test_bad_reads),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
