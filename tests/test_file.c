/* The file base: mappings, bounded reads, paths. */
#define _XOPEN_SOURCE 700
#define _FILE_OFFSET_BITS 64 /* directories have 64-bit offsets, also under an emulator of 32 bits */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/file.h"
#include "tests/make_checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[256];

static const char *in_dir(const char *name)
{
    static char path[512];
    assert_int_equal(tern_join_path(path, sizeof path, dir, name, NULL), TERN_OK);
    return path;
}

static void test_map(void **state)
{
    struct tern_mapping map;
    tern_error err;
    (void)state;

    test_write_file(dir, "a", "bytes", 5);
    assert_int_equal(tern_map_open(&map, in_dir("a"), &err), TERN_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.bytes, "bytes", 5);
    tern_map_close(&map);
    tern_map_close(&map);
    tern_map_close(NULL);
    test_write_file(dir, "a", "", 0);
    assert_int_equal(tern_map_open(&map, in_dir("a"), &err), TERN_OK);
    assert_null(map.bytes);
    assert_int_equal(map.size, 0);
    tern_map_close(&map);
    assert_int_equal(tern_map_open(&map, in_dir("absent"), &err), TERN_IO);
    assert_non_null(strstr(err.message, "absent: cannot open"));
    assert_int_equal(tern_map_open(&map, dir, &err), TERN_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    assert_int_equal(tern_map_open(&map, "/dev/zero", NULL), TERN_IO);
    /* without O_NONBLOCK the open of a FIFO that nobody writes would wait for ever */
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_int_equal(tern_map_open(&map, in_dir("fifo"), &err), TERN_IO);
    unlink(in_dir("fifo"));
    unlink(in_dir("a"));
}

static void test_read_text(void **state)
{
    char *text;
    size_t size;
    tern_error err;
    (void)state;

    test_write_file(dir, "a", "some\0text", 9);
    assert_int_equal(tern_read_text(&text, &size, in_dir("a"), 9, 0, &err), TERN_OK);
    assert_int_equal(size, 9);
    assert_memory_equal(text, "some\0text", 10);
    free(text);
    assert_int_equal(tern_read_text(&text, NULL, in_dir("a"), 8, 0, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "9 bytes, the limit is 8"));
    assert_null(text);
    test_write_file(dir, "a", "", 0);
    assert_int_equal(tern_read_text(&text, &size, in_dir("a"), 8, 0, NULL), TERN_OK);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(tern_read_text(&text, &size, in_dir("absent"), 8, 0, &err), TERN_IO);
    assert_int_equal(tern_read_text(&text, &size, in_dir("absent"), 8, 1, &err), TERN_OK);
    assert_null(text);
    assert_int_equal(tern_read_text(&text, &size, in_dir("a/b"), 8, 1, &err), TERN_OK); /* "a" is no directory */
    assert_null(text);
    assert_int_equal(tern_read_text(&text, &size, dir, 8, 1, &err), TERN_IO);
    unlink(in_dir("a"));
}

static void test_paths(void **state)
{
    char out[8];
    tern_error err;
    (void)state;
    assert_int_equal(tern_join_path(out, sizeof out, "abc", "def", NULL), TERN_OK);
    assert_string_equal(out, "abc/def");
    assert_int_equal(tern_join_path(out, sizeof out, "abc/", "def", NULL), TERN_OK);
    assert_string_equal(out, "abc/def");
    assert_int_equal(tern_join_path(out, sizeof out, "", "def", NULL), TERN_OK);
    assert_string_equal(out, "def");
    assert_int_equal(tern_join_path(out, sizeof out, "abcd", "def", &err), TERN_FORMAT);
    assert_true(tern_is_directory(dir));
    assert_false(tern_is_directory("/dev/null"));
    assert_false(tern_is_directory("/no/such"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_read_text),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
