/* Opening .tern files: good ones, damaged ones, and ones that are well-formed and checksummed but lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/builder.h"
#include "tests/e2e.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static tern_error err;
static char dir[256], path[300], f32_path[300];
static const char *const low_names[] = {"int4", "int3", "ternary", "binary"};
enum { INT4, INT3, TERNARY, BINARY, LOW_BITS };

static const struct test_checkpoint_spec spec = {.seed = 41, .layers = 2, .hidden = 24, .heads = 2, .intermediate = 40,
                                                 .vocab = 120, .max_positions = 32, .pooler = 1, .n_labels = 3,
                                                 .pooling = "mean"};

/* A file in memory, in a block of exactly its size so that a sanitizer sees a step over its end. */
struct bytes {
    uint8_t *data;
    size_t size;
};
static struct bytes good, good_f32, good_low[LOW_BITS];
struct lie;
static struct bytes tell(const struct bytes *from, const struct lie *lie);

static struct bytes new_bytes(size_t size)
{
    void *data = NULL;
    if (posix_memalign(&data, 64, size ? size : 1))
        abort();
    return (struct bytes){data, size};
}

static struct bytes read_bytes(const char *name)
{
    struct stat st;
    FILE *f = fopen(name, "rb");
    if (!f || stat(name, &st))
        abort();
    struct bytes b = new_bytes((size_t)st.st_size);
    if (fread(b.data, 1, b.size, f) != b.size)
        abort();
    fclose(f);
    return b;
}

static size_t header_bytes(const struct bytes *b)
{
    size_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | b->data[i];
    return 8 + n;
}

/* TERN_FORMAT and one line that says `says`. */
static void refused(const struct bytes *b, const char *says, const char *what)
{
    tern_model *model = (tern_model *)&err;
    err = (tern_error){TERN_OK, ""};
    const tern_status status = tern_model_open_memory(&model, b->data, b->size, &err);
    if (status != TERN_FORMAT || model || err.code != TERN_FORMAT)
        fail_msg("%s: %s: '%s'", what, tern_status_name(status), err.message);
    if (!err.message[0] || strchr(err.message, '\n') || !strstr(err.message, says))
        fail_msg("%s: '%s' is not one line that says '%s'", what, err.message, says);
}

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
        size_t size = i < 80                ? (size_t)i
                      : i < 200             ? header - 60 + (size_t)(i - 80)
                      : i < 300             ? good.size - 1 - (size_t)(i - 200)
                      : i < 600             ? (size_t)rng_between(&rng, 0, (int64_t)header)
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
    static const char *const texts[] = {"{}", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "\x02\0\0\0\0\0\0\0{}",
                                        "\xff\xff\xff\xff\xff\xff\xff\xff{}", "\x01\0\0\0\0\0\0\0{}", "GGUF"};
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

/* One change on the way through the builder, which computes a checksum that fits. */
struct lie {
    const char *tensor; /* the tensor, or the metadata's key, or "config" and `key` */
    enum { DROP, RENAME, RETYPE, RAISE, POKE, CODES, METADATA, CONFIG } kind;
    const char *key;   /* new name, metadata's value (NULL: without it), config's key */
    int index;         /* POKE: the element; CODES: panels */
    int64_t value;     /* POKE: what it becomes; CODES: lines of a panel; CONFIG: an integer ... */
    const char *text;  /* ... unless this is there, parsed as JSON */
    const char *says;  /* in the message; NULL: opens, and must run */
};

static const char *const keys[] = {"tern.version", "tern.scheme", "tern.config", "tern.tokenizer",
                                   "tern.vocabulary_bytes"};

static void poke(void *data, enum tern_dtype dtype, int index, int64_t value)
{
    const int8_t v8 = (int8_t)value;
    const int16_t v16 = (int16_t)value;
    const int32_t v32 = (int32_t)value;
    const size_t bytes = tern_dtype_bytes(dtype);
    const void *from = bytes == 1 ? (const void *)&v8 : bytes == 2 ? (const void *)&v16 : (const void *)&v32;
    memcpy((uint8_t *)data + (size_t)index * bytes, from, bytes);
}

static void copy_tensor(struct tern_builder *b, const struct tern_tensor *t, const struct lie *lie)
{
    const int hit = lie && lie->tensor && !strcmp(t->name, lie->tensor);
    struct tern_tensor to = *t;
    if (hit && lie->kind == DROP)
        return;
    if (hit && lie->kind == RENAME)
        to.name = lie->key;
    if (hit && lie->kind == RETYPE) {
        /* the same bytes as elements of another size: the shape's last dimension makes up for it */
        to.dtype = t->dtype == TERN_F32 ? TERN_I32 : t->dtype == TERN_I8 ? TERN_U8 : TERN_I8;
        to.shape[t->n_dims - 1] =
            t->shape[t->n_dims - 1] * (int64_t)(tern_dtype_bytes(t->dtype) / tern_dtype_bytes(to.dtype));
    }
    if (hit && lie->kind == RAISE)
        to.shape[to.n_dims++] = 1;
    size_t bytes = t->bytes;
    if (hit && lie->kind == CODES) {
        to = (struct tern_tensor){.name = lie->key, .dtype = TERN_U8, .n_dims = 3,
                                  .shape = {lie->index, lie->value, 64}};
        bytes = (size_t)(lie->index * lie->value) * 64;
    }
    uint8_t *data = tern_builder_add(b, to.name, to.dtype, to.n_dims, to.shape);
    if (!data)
        abort();
    memcpy(data, t->data, bytes < t->bytes ? bytes : t->bytes);
    if (hit && lie->kind == POKE)
        poke(data, t->dtype, lie->index, lie->value);
}

static char *changed_config(const char *text, const struct lie *lie)
{
    json_t *root = json_loads(text, 0, NULL);
    if (!lie->key)
        abort();
    if (lie->text)
        json_object_set_new(root, lie->key, json_loads(lie->text, JSON_DECODE_ANY, NULL));
    else
        json_object_set_new(root, lie->key, json_integer(lie->value));
    char *out = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return out;
}

static struct bytes tell(const struct bytes *from, const struct lie *lie)
{
    struct tern_safetensors st;
    struct tern_builder *b;
    if (tern_safetensors_open(&st, from->data, from->size, "good", &err) || tern_builder_open(&b, &err))
        abort();
    /* in the file's order */
    for (const uint8_t *at = from->data + header_bytes(from); at < from->data + from->size;)
        for (size_t i = 0; i < st.n_tensors; i++)
            if ((const uint8_t *)st.tensors[i].data == at) {
                copy_tensor(b, &st.tensors[i], lie);
                at += st.tensors[i].bytes;
                break;
            }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = tern_safetensors_metadata(&st, keys[i]);
        const int hit = lie && lie->kind == METADATA && !strcmp(lie->tensor, keys[i]);
        char *made = NULL;
        if (lie && lie->kind == CONFIG && !strcmp(keys[i], "tern.config"))
            value = made = changed_config(value, lie);
        if (hit)
            value = lie->key;
        if (value)
            tern_builder_metadata(b, keys[i], value);
        free(made);
    }
    if (tern_builder_finish(b, &err))
        abort();
    struct bytes out = new_bytes(tern_builder_bytes(b));
    tern_builder_copy(b, out.data);
    tern_builder_close(b);
    tern_safetensors_close(&st);
    return out;
}

/* A file that opens must run on every row, with the same bits, whatever its numbers are. */
static void must_run(const struct bytes *b, const char *what)
{
    const char *isas[16];
    const int n = e2e_isas(isas);
    tern_model *model;
    if (tern_model_open_memory(&model, b->data, b->size, &err))
        fail_msg("%s: %s", what, err.message);
    struct e2e_texts t = e2e_random_texts(model, 5, 20, 42);
    for (int task = 0; task < 2; task++) {
        float floats[5 * 24];
        int32_t expected[5 * 24] = {0}, got[5 * 24] = {0};
        for (int i = 0; i < n; i++) {
            const struct e2e_run how = {isas[i], 1, 5, 0, task ? E2E_EMBED : E2E_CLASSIFY};
            e2e_run(model, &t, &how, floats, i ? got : expected);
            if (i && memcmp(got, expected, sizeof got))
                fail_msg("%s: isa %s gives other bits", what, isas[i]);
        }
    }
    e2e_free_texts(&t);
    tern_model_close(model);
}

static void check_lie(const struct bytes *from, const struct lie *lie)
{
    char what[200];
    struct bytes b = tell(from, lie);
    snprintf(what, sizeof what, "%s, kind %d, %s, [%d] = %lld %s", lie->tensor ? lie->tensor : "config", lie->kind,
             lie->key ? lie->key : "", lie->index, (long long)lie->value, lie->text ? lie->text : "");
    if (lie->says)
        refused(&b, lie->says, what);
    else
        must_run(&b, what);
    free(b.data);
}

#define BIG INT64_C(2147483647)

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

/* Every tensor in turn: missing, misspelt, of another type, of another shape. */
static void check_every_tensor(const struct bytes *file)
{
    struct tern_safetensors st;
    assert_ok(tern_safetensors_open(&st, file->data, file->size, "good", &err));
    for (size_t i = 0; i < st.n_tensors; i++) {
        const char *name = st.tensors[i].name;
        if (!strcmp(name, "vocabulary"))
            continue;
        check_lie(file, &(struct lie){name, DROP, .says = name});
        check_lie(file, &(struct lie){name, RENAME, "nobody", .says = name});
        check_lie(file, &(struct lie){name, RETYPE, .says = name});
        check_lie(file, &(struct lie){name, RAISE, .says = name});
    }
    tern_safetensors_close(&st);
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
    {NULL, CONFIG, "max_positions", .value = 8193, .says = "max_positions"},
    {NULL, CONFIG, "max_positions", .value = 2, .says = "max_positions"},
    {NULL, CONFIG, "max_positions", .value = 31, .says = "max_tokens"},
    {NULL, CONFIG, "max_positions", .value = 8192, .says = "embed.position"},
    {NULL, CONFIG, "max_tokens", .value = 33, .says = "max_tokens"},
    {NULL, CONFIG, "token_types", .value = 0, .says = "token types"},
    {NULL, CONFIG, "token_types", .value = 17, .says = "token_types"},
    {NULL, CONFIG, "architecture", .text = "\"gpt\"", .says = "gpt"},
    {NULL, CONFIG, "architecture", .text = "\"distilbert\"", .says = "token types"},
    {NULL, CONFIG, "activation", .text = "\"swish\"", .says = "swish"},
    {NULL, CONFIG, "activation", .text = "null", .says = "activation"},
    {NULL, CONFIG, "weights", .text = "\"int5\"", .says = "int5"},
    {NULL, CONFIG, "weights", .text = "\"int3\"", .says = NULL}, /* a matrix says itself what it is */
    {NULL, CONFIG, "weights", .text = "\"mixed\"", .says = NULL},
    {NULL, CONFIG, "weights", .text = "\"f32\"", .says = "embed.word.weight"},
    {NULL, CONFIG, "pooling", .text = "\"max\"", .says = "max"},
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

/* ---- Low-bit files ---------------------------------------------------------------------------------------------- */

/* k is 24 or 40: one group. query [2 panels][3, 3, 2 or 1 lines][64]. */
static const struct lie low_lies[][16] = {
    [INT4] = {
        {"layer.0.query.param", POKE, .index = 4, .value = 8, .says = "layer.0.query.param"},
        {"layer.0.query.param", POKE, .index = 4, .value = -1, .says = "layer.0.query.param"},
        {"layer.1.ffn_down.param", POKE, .index = 4, .value = BIG, .says = "layer.1.ffn_down.param"},
        {"layer.1.ffn_down.param", POKE, .index = 4, .value = -BIG - 1, .says = "layer.1.ffn_down.param"},
        {"layer.0.ffn_up.param", POKE, .index = 4, .value = 0, .says = "layer.0.ffn_up.weight"}, /* says int8 */
        {"layer.0.ffn_up.param", POKE, .index = 4, .value = 5, .says = "layer.0.ffn_up.code"},   /* says int2 */
        {"layer.0.key.param", POKE, .index = 5, .value = 48, .says = "layer.0.key.group"},
        {"layer.0.key.param", POKE, .index = 5, .value = 0, .says = "layer.0.key.group"},
        {"layer.0.key.param", POKE, .index = 5, .value = -64, .says = "layer.0.key.group"},
        {"layer.1.value.group", POKE, .index = 0, .value = 0, .says = "layer.1.value.group"},
        {"layer.1.value.group", POKE, .index = 31, .value = 0, .says = "layer.1.value.group"}, /* pads N */
        {"layer.1.value.group", POKE, .index = 7, .value = 16, .says = "layer.1.value.group"},
        {"layer.1.value.group", POKE, .index = 7, .value = 255, .says = "layer.1.value.group"},
        {"layer.1.attn_out.group", DROP, .says = "layer.1.attn_out.group"},
        {"layer.0.attn_out.code", CODES, "layer.0.attn_out.code", 2, 4, .says = "layer.0.attn_out.code"},
        {"layer.0.attn_out.code", CODES, "layer.0.attn_out.code", 1, 3, .says = "layer.0.attn_out.code"},
    },
    [INT3] = {
        {"layer.1.value.group", POKE, .index = 3, .value = 19, .says = "layer.1.value.group"},
        {"layer.1.value.group", POKE, .index = 3, .value = 0, .says = "layer.1.value.group"},
        {"layer.0.query.param", POKE, .index = 4, .value = 5, .says = "layer.0.query.code"}, /* two planes of three */
        {"layer.0.attn_out.group", DROP, .says = "layer.0.attn_out.group"},
        {"layer.0.attn_out.code", DROP, .says = "layer.0.attn_out.code"},
        /* and these run */
        {"layer.1.value.group", POKE, .index = 3, .value = 18, .says = NULL},
        {"layer.1.value.code", POKE, .index = 3, .value = 255, .says = NULL},
        {"layer.0.ffn_up.param", POKE, .index = 0, .value = 0, .says = NULL},
        {"layer.0.ffn_up.param", POKE, .index = 0, .value = BIG, .says = NULL},
    },
    [TERNARY] = {
        {"layer.0.query.param", POKE, .index = 4, .value = 7, .says = "layer.0.query.code"},
        {"layer.0.query.param", POKE, .index = 4, .value = 5, .says = "layer.0.query.group"}, /* int2 wants groups */
        {"layer.0.query.param", POKE, .index = 5, .value = 48, .says = NULL},                 /* means nothing */
    },
    [BINARY] = {
        {"layer.0.query.param", POKE, .index = 4, .value = 6, .says = "layer.0.query.code"},
        {"layer.1.ffn_down.code", POKE, .index = 60, .value = -1, .says = NULL},
        {"layer.1.ffn_down.param", POKE, .index = 2, .value = -128, .says = NULL},
    },
};

static void test_lies_in_low_bit_files(void **state)
{
    (void)state;
    for (int f = 0; f < LOW_BITS; f++) {
        must_run(&good_low[f], low_names[f]);
        for (size_t i = 0; i < 16 && low_lies[f][i].tensor; i++)
            check_lie(&good_low[f], &low_lies[f][i]);
        check_every_tensor(&good_low[f]);
    }
}

/* A fourth code anywhere, also where only padding is: lines of two planes. */
static void test_ternary_codes(void **state)
{
    (void)state;
    for (int line = 0; line < 4; line += 2) /* [panels 2][planes 2][64] */
        for (int at = 0; at < 64; at += 9) {
            struct bytes one = tell(&good_low[TERNARY], &(struct lie){"layer.1.key.code", POKE, .value = 16,
                                                                      .index = line * 64 + at});
            struct bytes both = tell(&one, &(struct lie){"layer.1.key.code", POKE, .value = 16,
                                                         .index = (line + 1) * 64 + at});
            refused(&both, "layer.1.key.code", "a fourth ternary code");
            free(both.data);
            free(one.data);
        }
}

/* What the config calls the weights is a label: matrices of any format run under any of them (a session of a model that
   was called int8 once had no room to unpack others). */
static void test_label_of_weights(void **state)
{
    (void)state;
    static const char *const labels[] = {"\"int8\"", "\"mixed\"", "\"binary\"", "\"nf4\""};
    for (int f = 0; f < LOW_BITS; f++)
        for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
            check_lie(&good_low[f], &(struct lie){NULL, CONFIG, "weights", .text = labels[i], .says = NULL});
    check_lie(&good_low[INT4], &(struct lie){NULL, CONFIG, "weights", .text = "\"f32\"", .says = "embed.word.weight"});
}

/* The heads of a file that Tern writes are int8. A low-bit pooler runs; a low-bit classifier has no kernel. */
static void test_low_bit_heads(void **state)
{
    (void)state;
    static const struct {
        const char *param, *weight, *code, *says;
        int panels;
    } heads[] = {{"pooler.param", "pooler.weight", "pooler.code", NULL, 2},
                 {"classifier.param", "classifier.weight", "classifier.code", "classifier", 1}};
    const struct bytes *const files[] = {&good, &good_low[INT4]};
    for (int i = 0; i < 4; i++) {
        const int h = i / 2;
        struct bytes says = tell(files[i % 2], &(struct lie){heads[h].param, POKE, .index = 4, .value = 7});
        refused(&says, heads[h].code, "codes of a head");
        struct bytes b = tell(&says, &(struct lie){heads[h].weight, CODES, heads[h].code, heads[h].panels,
                                                            .value = 1});
        if (heads[h].says)
            refused(&b, heads[h].says, heads[h].param);
        else
            must_run(&b, heads[h].param);
        free(b.data);
        free(says.data);
    }
}

/* A unit of zero once passed the loader, and pooling then shifted by -24. */
static void test_zero_norm_unit(void **state)
{
    (void)state;
    struct bytes one = tell(&good, &(struct lie){"layer.1.ffn_norm.param", POKE, .index = 3, .value = 24});
    struct tern_safetensors st;
    assert_ok(tern_safetensors_open(&st, one.data, one.size, "one", &err));
    memset((uint8_t *)(uintptr_t)tern_safetensors_find(&st, "layer.1.ffn_norm.param")->data + 8, 0, 8);
    tern_safetensors_close(&st);
    struct bytes both = tell(&one, NULL);
    refused(&both, "layer.1.ffn_norm.param", "norm unit 0");
    free(both.data);
    free(one.data);
}

static int setup(void **state)
{
    (void)state;
    const tern_convert_options floats = {.struct_bytes = sizeof floats, .weights = "f32"};
    test_temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/int8.tern", dir);
    snprintf(f32_path, sizeof f32_path, "%s/f32.tern", dir);
    if (test_write_checkpoint(dir, &spec) || tern_convert(dir, f32_path, &floats, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    for (int i = 0; i < LOW_BITS; i++) {
        const tern_convert_options low = {.struct_bytes = sizeof low, .weights = low_names[i]};
        if (tern_convert(dir, path, &low, &err)) {
            fprintf(stderr, "%s: %s\n", low_names[i], err.message);
            return -1;
        }
        good_low[i] = read_bytes(path);
    }
    if (tern_convert(dir, path, NULL, &err))
        return -1;
    good = read_bytes(path);
    good_f32 = read_bytes(f32_path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(good.data);
    free(good_f32.data);
    for (int i = 0; i < LOW_BITS; i++)
        free(good_low[i].data);
    test_remove_dir(dir);
    return 0;
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
        cmocka_unit_test(test_lies_in_low_bit_files),
        cmocka_unit_test(test_ternary_codes),
        cmocka_unit_test(test_label_of_weights),
        cmocka_unit_test(test_low_bit_heads),
        cmocka_unit_test(test_zero_norm_unit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
