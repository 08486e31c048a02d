/* A checkpoint's weights may lie in safetensors or in files that torch.save wrote, in one file or in several: the same
   weights give the same bytes. Before, pytorch_model.bin and model.safetensors.index.json were refused. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free -Wl,--wrap=aligned_alloc -Wl,--wrap=posix_memalign */
#include "quant/checkpoint.h"
#include "quant/tern_convert.h"
#include "tests/make_checkpoint.h"
#include "tests/malloc_count.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/torch/" /* by tests/golden/make_torch_files.py */

static char dir[256];

static void copy(const char *from, const char *to)
{
    size_t size;
    char *bytes = test_read_file(from, &size);
    assert_non_null(bytes);
    assert_int_equal(test_write_file(dir, to, bytes, size), 0);
    free(bytes);
}

static void put(const char *name, const char *text)
{
    assert_int_equal(test_write_file(dir, name, text, strlen(text)), 0);
}

static void absent(const char *name)
{
    test_write_file(dir, name, NULL, 0);
}

/* The folder with config.json and vocab.txt, and no weights. */
static int setup(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    copy(GOLDEN "config.json", "config.json");
    copy(GOLDEN "vocab.txt", "vocab.txt");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

/* The file that the folder is converted into; free() it. */
static char *converted(const char *weights, size_t *size)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .weights = weights};
    char path[300];
    tern_error err;
    snprintf(path, sizeof path, "%s/out.tern", dir);
    if (tern_convert(dir, path, &options, &err) != TERN_OK)
        fail_msg("%s", err.message);
    return test_read_file(path, size);
}

static void expect(tern_status status, const char *says)
{
    struct tern_weight_files files;
    tern_error err;
    assert_int_equal(tern_weight_files_open(&files, dir, &err), status);
    if (!strstr(err.message, says))
        fail_msg("\"%s\" does not say \"%s\"", err.message, says);
    assert_null(files.files);
    assert_null(files.tensors);
}

/* ---- Good ones ---- */

static void test_same_bytes(void **state)
{
    static const char *const names[] = {"zip",        "legacy", "zip-views", "legacy-views", "half",  "bfloat16",
                                        "parameters", "nested", "protocol4", "buffers",      "empty", "legacy-empty"};
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        size_t size, wanted_size;
        copy(GOLDEN "model.safetensors", "model.safetensors");
        char *wanted = converted(kind ? "int8" : "f32", &wanted_size), *bytes;
        absent("model.safetensors");
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            char path[300];
            snprintf(path, sizeof path, GOLDEN "%s.bin", names[i]);
            copy(path, "pytorch_model.bin");
            bytes = converted(kind ? "int8" : "f32", &size);
            if (size != wanted_size || memcmp(bytes, wanted, size) != 0)
                fail_msg("%s gives another file than model.safetensors", names[i]);
            free(bytes);
        }
        absent("pytorch_model.bin");
        copy(GOLDEN "pytorch_model.bin.index.json", "pytorch_model.bin.index.json");
        copy(GOLDEN "pytorch_model-00001-of-00002.bin", "pytorch_model-00001-of-00002.bin");
        copy(GOLDEN "pytorch_model-00002-of-00002.bin", "pytorch_model-00002-of-00002.bin");
        bytes = converted(kind ? "int8" : "f32", &size);
        assert_int_equal(size, wanted_size);
        assert_memory_equal(bytes, wanted, size);
        free(bytes);
        free(wanted);
        absent("pytorch_model.bin.index.json");
    }
}

/* What torch saves and is no dictionary of plain tensors: a whole module (which loading would import), dictionaries in
   dictionaries, a view that negates. */
static void test_refused(void **state)
{
    static const char *const cases[][2] = {
        {"module", "would import torch.nn.modules.linear.Linear, which is not supported; nothing was run"},
        {"no-state", "tensors lie in its member \"a\""},
        {"two-states", "tensors lie in its member \"model_ema\", and in another"},
        {"negated", "tensor w: has torch's metadata, such as a negation"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[300];
        snprintf(path, sizeof path, GOLDEN "%s.bin", cases[i][0]);
        copy(path, "pytorch_model.bin");
        expect(TERN_FORMAT, cases[i][1]);
    }
}

/* ---- Which file ---- */

static const char one[] =
    "\x41\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}            data";
static const char two[] =
    "\x41\0\0\0\0\0\0\0{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}            more";

static void put_bytes(const char *name, const char *bytes, size_t size)
{
    assert_int_equal(test_write_file(dir, name, bytes, size), 0);
}

static void expect_path(const char *name)
{
    struct tern_weight_files files;
    tern_error err;
    if (tern_weight_files_open(&files, dir, &err) != TERN_OK)
        fail_msg("%s", err.message);
    assert_string_equal(strrchr(files.path, '/') + 1, name);
    tern_weight_files_close(&files);
}

/* A file is taken before those behind it in the list, whatever they are. */
static void test_order(void **state)
{
    (void)state;
    expect(TERN_IO, "no weights: there is no model.safetensors, pytorch_model.bin");
    copy(GOLDEN "pytorch_model.bin.index.json", "pytorch_model.bin.index.json");
    copy(GOLDEN "pytorch_model-00001-of-00002.bin", "pytorch_model-00001-of-00002.bin");
    copy(GOLDEN "pytorch_model-00002-of-00002.bin", "pytorch_model-00002-of-00002.bin");
    expect_path("pytorch_model.bin.index.json");
    copy(GOLDEN "zip.bin", "pytorch_model.bin");
    expect_path("pytorch_model.bin");
    put("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"1.safetensors\"}}");
    expect(TERN_IO, "1.safetensors: cannot open");
    put_bytes("1.safetensors", one, sizeof one - 1);
    expect_path("model.safetensors.index.json");
    put("model.safetensors", "");
    expect(TERN_FORMAT, "model.safetensors: is empty");
    put_bytes("model.safetensors", one, sizeof one - 1);
    expect_path("model.safetensors");
    absent("model.safetensors.index.json");
}

static void test_other_formats(void **state)
{
    (void)state;
    put("tf_model.h5", "x");
    expect(TERN_FORMAT, "from_tf=True");
    put("adapter_model.safetensors", "x");
    absent("tf_model.h5");
    expect(TERN_FORMAT, "an adapter is no model");
    put("pytorch_model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    expect(TERN_FORMAT, "pytorch_model.bin: is a Git LFS pointer");
    put("model.safetensors.index.json", "<html>");
    expect(TERN_FORMAT, "index.json: is an HTML page");
}

/* ---- Several files ---- */

static void test_index(void **state)
{
    struct tern_weight_files files;
    tern_error err;

    (void)state;
    put_bytes("1.safetensors", one, sizeof one - 1);
    put_bytes("2.safetensors", two, sizeof two - 1);
    put("model.safetensors.index.json",
        "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"b\":\"2.safetensors\",\"a\":\"1.safetensors\"}}");
    assert_int_equal(tern_weight_files_open(&files, dir, &err), TERN_OK);
    assert_int_equal(files.n_tensors, 2);
    assert_string_equal(files.tensors[0].name, "a");
    const struct tern_tensor *b = tern_weight_find(&files, "b");
    assert_ptr_equal(b, &files.tensors[1]);
    assert_memory_equal(b->data, "more", 4);
    assert_string_equal(strrchr(tern_weight_path(&files, b), '/'), "/2.safetensors");
    assert_string_equal(strrchr(tern_weight_path(&files, &files.tensors[0]), '/'), "/1.safetensors");
    assert_null(tern_weight_find(&files, "c"));
    tern_weight_files_close(&files);
    tern_weight_files_close(&files); /* a second time is harmless */
}

static void test_bad_index(void **state)
{
    static const struct {
        const char *map, *says;
    } cases[] = {
        {"{\"a\":\"1.safetensors\"}", NULL},
        {"{\"a\":\"2.safetensors\"}", "tensor b is in 2.safetensors, the index says nothing of it"},
        {"{\"a\":\"2.safetensors\",\"b\":\"1.safetensors\"}", "the index says 1.safetensors"},
        {"{\"a\":\"1.safetensors\",\"c\":\"1.safetensors\"}", "tensor c is missing in 1.safetensors"},
        {"{\"a\":\"1.safetensors\",\"b\":\"twice.safetensors\"}", "tensor a is there twice"},
        {"{\"a\":\"../1.safetensors\"}", "no name of a file in its folder"},
        {"{\"a\":\"/etc/passwd\"}", "no name of a file in its folder"},
        {"{\"a\":\"..\"}", "no name of a file in its folder"},
        {"{\"a\":\"\"}", "no name of a file in its folder"},
        {"{\"a\":7}", "no name of a file in its folder"},
        {"{\"a\":\"3.safetensors\"}", "3.safetensors: cannot open"},
        {"{\"a\":\"config.json\"}", "config.json: "},
        {"{}", "weight_map"},
        {"[]", "weight_map"},
        {"7", "weight_map"},
    };
    (void)state;
    put_bytes("1.safetensors", one, sizeof one - 1);
    put_bytes("2.safetensors", two, sizeof two - 1);
    put_bytes("twice.safetensors", one, sizeof one - 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        snprintf(text, sizeof text, "{\"weight_map\":%s}", cases[i].map);
        put("model.safetensors.index.json", text);
        if (!cases[i].says)
            expect_path("model.safetensors.index.json");
        else
            expect(strstr(cases[i].says, "cannot open") ? TERN_IO : TERN_FORMAT, cases[i].says);
    }
    put("model.safetensors.index.json", "[]");
    expect(TERN_FORMAT, "weight_map");
    /* Names are counted before a file is opened. */
    static char many[1 << 16] = "{\"weight_map\":{\"x\":\"0\"";
    size_t n = strlen(many);
    for (int i = 0; i < 1025; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, ",\"%d\":\"%d\"", i, i);
    snprintf(many + n, sizeof many - n, "}}");
    put("model.safetensors.index.json", many);
    expect(TERN_FORMAT, "more than 1024 files");
}

/* The tensors of the folder's files in a new model.safetensors. */
static void write_as_one(void)
{
    static char header[16384], file[1 << 18];
    struct tern_weight_files w;
    size_t n = 0, data = 0;
    assert_int_equal(tern_weight_files_open(&w, dir, NULL), TERN_OK);
    for (size_t i = 0; i < w.n_tensors; i++) {
        const struct tern_tensor *t = &w.tensors[i];
        n += (size_t)snprintf(header + n, sizeof header - n, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%lld%s",
                              i ? "," : "{", t->name, tern_dtype_name(t->dtype), (long long)t->shape[0],
                              t->n_dims == 2 ? "," : "");
        if (t->n_dims == 2)
            n += (size_t)snprintf(header + n, sizeof header - n, "%lld", (long long)t->shape[1]);
        n += (size_t)snprintf(header + n, sizeof header - n, "],\"data_offsets\":[%zu,%zu]}%s", data, data + t->bytes,
                              i + 1 == w.n_tensors ? "}" : "");
        data += t->bytes;
    }
    assert_true(n < sizeof header && 8 + n + data <= sizeof file);
    const uint64_t length = n;
    memcpy(file, &length, 8);
    memcpy(file + 8, header, n);
    for (size_t i = 0, at = 8 + n; i < w.n_tensors; at += w.tensors[i++].bytes)
        memcpy(file + at, w.tensors[i].data, w.tensors[i].bytes);
    put_bytes("model.safetensors", file, 8 + n + data);
    tern_weight_files_close(&w);
}

/* The reported checkpoint: it was refused. It gives what its tensors in one file give. */
static void test_case_41(void **state)
{
    static const char *const names[] = {"config.json",
                                        "vocab.txt",
                                        "tokenizer_config.json",
                                        "model-00001-of-00002.safetensors",
                                        "model-00002-of-00002.safetensors",
                                        "model.safetensors.index.json"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[300];
        snprintf(path, sizeof path, "tests/golden/cases/41-sharded/%s", names[i]);
        copy(path, names[i]);
    }
    size_t size, whole_size;
    char *bytes = converted("f32", &size);
    write_as_one();
    absent("model.safetensors.index.json");
    char *whole = converted("f32", &whole_size);
    assert_int_equal(size, whole_size);
    assert_memory_equal(bytes, whole, size);
    free(bytes);
    free(whole);
}

/* Each allocation may fail, of one file and of several. */
static void test_memory(void **state)
{
    (void)state;
    put_bytes("1.safetensors", one, sizeof one - 1);
    put_bytes("2.safetensors", two, sizeof two - 1);
    put("model.safetensors.index.json", "{\"weight_map\":{\"b\":\"2.safetensors\",\"a\":\"1.safetensors\"}}");
    for (int several = 1; several >= 0; several--) {
        const long live = atomic_load(&malloc_live);
        tern_status status = TERN_NOMEM;
        long at = 0;
        for (; status == TERN_NOMEM; at++) {
            struct tern_weight_files files;
            tern_error err;
            atomic_store(&malloc_fail_at, at);
            status = tern_weight_files_open(&files, dir, &err);
            atomic_store(&malloc_fail_at, -1);
            if (status == TERN_OK)
                tern_weight_files_close(&files);
            assert_int_equal(atomic_load(&malloc_live), live);
        }
        assert_int_equal(status, TERN_OK);
        assert_true(at > (several ? 20 : 5));
        put_bytes("model.safetensors", one, sizeof one - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_case_41, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    json_set_alloc_funcs(malloc_count_malloc, malloc_count_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
