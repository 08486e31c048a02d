/* A file that is not what its name promises is named for what it is: before, a Git LFS pointer in place of
   model.safetensors was "header of ... bytes", one in place of tokenizer.json "bad JSON". */
#include "models/json.h"
#include "models/safetensors.h"
#include "runtime/base/file_kind.h"
#include "tests/make_checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LFS "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 133466304\n"

static const struct {
    const char *bytes;
    size_t n;
    const char *says; /* NULL: nothing */
} cases[] = {
#define CASE(text, says)                                                                                               \
    {                                                                                                                  \
        text, sizeof text - 1, says                                                                                    \
    }
    CASE(LFS, "git lfs pull"),
    CASE("<!DOCTYPE html>\n<html lang=\"en\">", "HTML page"),
    CASE("\n  <HTML><head>", "HTML page"),
    CASE("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "XML"),
    CASE("PK\3\4\0\0\0\0\0\0", "zip archive"),
    CASE("\x1f\x8b\x08\0\0\0\0\0", "gunzip"),
    CASE("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", "pickle"),
    CASE("\x80\x04\x95\x10\0\0\0\0\0\0\0", "pickle"),
    CASE("\3757zXZ\0", "unxz"),
    CASE("\x28\xb5\x2f\xfd", "unzstd"),
    CASE("BZh9", "bunzip2"),
    CASE("GGUF\3\0\0\0", "GGUF"),
    CASE("\x08\x07\x12\x07pytorch\x1a\x05"
         "1.9.0",
         "ONNX"),
    CASE("\x08\x08:\xff\x01\x0a", "ONNX"),
    CASE("\x89HDF\r\n\x1a\n", "HDF5"),
    CASE("\xff\xfe{\0\"\0a\0", "UTF-16"),
    CASE("\xfe\xff\0{\0\"", "UTF-16"),
    CASE("[\0P\0A\0D\0]\0", "UTF-16"),
    CASE("\0[\0P\0A", "UTF-16"),
    CASE("\xef\xbb\xbf{}", "byte order mark"),
    CASE("", "empty"),
    /* what is as it should be, or unknown */
    CASE("{\"a\": 1}", NULL),
    CASE("[PAD]\n[UNK]\n", NULL),
    CASE("a", NULL),
    CASE("version 2\n", NULL),
    /* safetensors whose header's length has the first bytes of others: a pickle's, ONNX's, UTF-16's mark */
    CASE("\x80\x02\0\0\0\0\0\0{", NULL),
    CASE("\x08\x08\x12\0\0\0\0\0{", NULL),
    CASE("\xff\xfe\0\0\0\0\0\0{", NULL),
#undef CASE
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tern_file_kind *kind = tern_file_kind(cases[i].bytes, cases[i].n);
        char all[400] = "";
        if (kind)
            snprintf(all, sizeof all, "%s; %s", kind->is, kind->remedy);
        if (!kind != !cases[i].says || (kind && !strstr(all, cases[i].says)))
            fail_msg("case %zu: %s", i, all);
        /* every prefix is looked at without reading beyond it (under valgrind and the sanitizers) */
        for (size_t n = 0; n <= cases[i].n; n++) {
            char *copy = test_malloc(n ? n : 1);
            memcpy(copy, cases[i].bytes, n);
            (void)tern_file_kind(copy, n);
            test_free(copy);
        }
    }
}

/* The readers say it: weights, a model, JSON. A reader that succeeds, or fails otherwise, keeps its own word. */
static void test_readers(void **state)
{
    char dir[256], path[300];
    struct tern_safetensors st;
    tern_model *model = NULL;
    json_t *json = NULL;
    tern_error err;

    (void)state;
    test_temp_dir(dir, sizeof dir);
    assert_int_equal(tern_safetensors_open(&st, LFS, sizeof LFS - 1, "model.safetensors", &err), TERN_FORMAT);
    assert_string_equal(err.message,
                        "model.safetensors: is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`");
    assert_int_equal(tern_safetensors_open(&st, "\x80\x02\0\0\0\0\0\0{", 9, "x", &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "truncated"));
    assert_int_equal(test_write_file(dir, "m.tern", LFS, sizeof LFS - 1), 0);
    snprintf(path, sizeof path, "%s/m.tern", dir);
    assert_int_equal(tern_model_open(&model, path, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "m.tern: is a Git LFS pointer"));
    assert_int_equal(test_write_file(dir, "m.tern", "PK\3\4....", 8), 0);
    assert_int_equal(tern_model_open(&model, path, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "run `tern convert` on its checkpoint's folder"));
    assert_int_equal(test_write_file(dir, "config.json", "<html></html>", 13), 0);
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(tern_json_read_file(&json, path, 1000, 0, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "config.json: is an HTML page"));
    assert_int_equal(test_write_file(dir, "config.json", "{\"a\" 1}", 7), 0);
    assert_int_equal(tern_json_read_file(&json, path, 1000, 0, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "bad JSON at line 1"));
    test_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
