/* Files of a small model, whole and changed in one place, for the tests of the loader. One translation unit each. */
#ifndef TERN_TESTS_LIES_H
#define TERN_TESTS_LIES_H

#include "quant/builder.h"
#include "quant/tern_convert.h"
#include "tests/e2e.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static tern_error err;
static char dir[256], path[300], f32_path[300];
static const char *const low_names[] = {"int4", "int3", "ternary", "binary", "int7"};
enum { INT4, INT3, TERNARY, BINARY, INT7, LOW_BITS };

// clang-format off
static const struct test_checkpoint_spec spec = {.seed = 41, .layers = 2, .hidden = 24, .heads = 2, .intermediate = 40,
                                                 .vocab = 120, .max_positions = 32, .pooler = 1, .n_labels = 3,
                                                 .pooling = "mean"};
// clang-format on

/* A file in memory, in a block of exactly its size so that a sanitizer sees a step over its end. */
struct bytes {
    uint8_t *data;
    size_t size;
};
static struct bytes good, good_f32, good_low[LOW_BITS];

static inline struct bytes new_bytes(size_t size)
{
    void *data = NULL;
    if (posix_memalign(&data, 64, size ? size : 1))
        abort();
    return (struct bytes){data, size};
}

static inline struct bytes read_bytes(const char *name)
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

static inline size_t header_bytes(const struct bytes *b)
{
    size_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | b->data[i];
    return 8 + n;
}

/* TERN_FORMAT and one line that says `says`. */
static inline void refused(const struct bytes *b, const char *says, const char *what)
{
    tern_model *model = (tern_model *)&err;
    err = (tern_error){TERN_OK, ""};
    const tern_status status = tern_model_open_memory(&model, b->data, b->size, &err);
    if (status != TERN_FORMAT || model || err.code != TERN_FORMAT)
        fail_msg("%s: %s: '%s'", what, tern_status_name(status), err.message);
    if (!err.message[0] || strchr(err.message, '\n') || !strstr(err.message, says))
        fail_msg("%s: '%s' is not one line that says '%s'", what, err.message, says);
}

#define BIG INT64_C(2147483647)

/* One change on the way through the builder, which computes a checksum that fits. */
struct lie {
    const char *tensor; /* the tensor, or the metadata's key, or "config" and `key` */
    enum { DROP, RENAME, RETYPE, RAISE, POKE, CODES, METADATA, CONFIG } kind;
    const char *key;  /* new name, metadata's value (NULL: without it), config's key */
    int index;        /* POKE: the element; CODES: panels */
    int64_t value;    /* POKE: what it becomes; CODES: lines of a panel; CONFIG: an integer ... */
    const char *text; /* ... unless this is there, parsed as JSON */
    const char *says; /* in the message; NULL: opens, and must run */
};

static const char *const keys[] = {"tern.version", "tern.scheme", "tern.config", "tern.tokenizer",
                                   "tern.vocabulary_bytes"};

static inline void poke(void *data, enum tern_dtype dtype, int index, int64_t value)
{
    const int8_t v8 = (int8_t)value;
    const int16_t v16 = (int16_t)value;
    const int32_t v32 = (int32_t)value;
    const size_t bytes = tern_dtype_bytes(dtype);
    const void *from = bytes == 1 ? (const void *)&v8 : bytes == 2 ? (const void *)&v16 : (const void *)&v32;
    memcpy((uint8_t *)data + (size_t)index * bytes, from, bytes);
}

static inline void copy_tensor(struct tern_builder *b, const struct tern_tensor *t, const struct lie *lie)
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
        to = (struct tern_tensor){
            .name = lie->key, .dtype = TERN_U8, .n_dims = 3, .shape = {lie->index, lie->value, 64}};
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

static inline struct bytes tell(const struct bytes *from, const struct lie *lie)
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
static inline void must_run(const struct bytes *b, const char *what)
{
    const char *isas[16];
    const int n = e2e_isas(isas);
    tern_model *model;
    if (tern_model_open_memory(&model, b->data, b->size, &err))
        fail_msg("%s: %s", what, err.message);
    struct e2e_texts t = e2e_random_texts(model, 5, 20, 42);
    for (int task = 0; task < 2; task++) {
        float floats[2 * 5 * 24]; /* a config may join two poolings */
        int32_t expected[2 * 5 * 24] = {0}, got[2 * 5 * 24] = {0};
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

static inline void check_lie(const struct bytes *from, const struct lie *lie)
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

/* Every tensor in turn: missing, misspelt, of another type, of another shape. */
static inline void check_every_tensor(const struct bytes *file)
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

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    (void)state;
    free(good.data);
    free(good_f32.data);
    for (int i = 0; i < LOW_BITS; i++)
        free(good_low[i].data);
    test_remove_dir(dir);
    return 0;
}

#endif
