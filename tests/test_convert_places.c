/* Conversion to places that cannot be written, or that are full: it says so, and leaves what was there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/convert_case.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_places_that_cannot_be_written(void **state)
{
    (void)state;
    char name[500];
    rewrite(&small);
    snprintf(name, sizeof name, "%s/no/such/folder/m.tern", out_dir);
    fails(convert("int8", name), TERN_FAILED, name);
    fails(convert("int8", out_dir), TERN_FAILED, "is a directory");
    assert_ok(convert("int8", "/dev/null")); /* was refused; a rename would have replaced the device */
    fails(convert("int8", ""), TERN_FAILED, "");
    if (geteuid() != 0) { /* nothing is closed to root */
        chmod(out_dir, 0555);
        fails(convert("int8", path), TERN_FAILED, "ermission");
        chmod(out_dir, 0777);
    }
    char longest[6000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    fails(convert("int8", longest), TERN_FAILED, "too long");
}

/* A file-size limit stands for a full disk, at several places of the file; an older file stays as it was. */
static void test_full_disk(void **state)
{
    (void)state;
    static const rlim_t limits[] = {0, 1, 4096, 9000, 20000};
    struct rlimit old;
    rewrite(&small);
    assert_ok(convert("int8", path));
    size_t size, now_size;
    char *whole = test_read_file(path, &size), *now;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof limits / sizeof *limits + 1; i++) {
        const rlim_t limit = i < sizeof limits / sizeof *limits ? limits[i] : (rlim_t)size - 1;
        for (int over = 0; over < 2; over++) {
            if (over)
                test_write_file(out_dir, "m.tern", whole, size);
            else
                remove(path);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, old.rlim_max});
            const tern_status status = convert("int8", path);
            setrlimit(RLIMIT_FSIZE, &old);
            assert_int_equal(status, TERN_FAILED);
            assert_true(err.message[0] && !strchr(err.message, '\n'));
            assert_int_equal(entries(), over);
            if (over) {
                now = test_read_file(path, &now_size);
                assert_int_equal(now_size, size);
                assert_memory_equal(now, whole, size);
                free(now);
            }
        }
    }
    signal(SIGXFSZ, SIG_DFL);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places_that_cannot_be_written),
                                       cmocka_unit_test(test_full_disk)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
