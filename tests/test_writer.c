/* The writer: whole files or none, links and modes kept, pipes and devices written to as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/writer.h"
#include "tests/make_checkpoint.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[256];

static const char *in_dir(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    assert_int_equal(tern_join_path(path, sizeof paths[0], dir, name, NULL), TERN_OK);
    return path;
}

static int count_files(void)
{
    DIR *d = opendir(dir);
    int n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void expect_file(const char *path, const char *content)
{
    char *text;
    assert_int_equal(tern_read_text(&text, NULL, path, 100, 0, NULL), TERN_OK);
    assert_string_equal(text, content);
    free(text);
}

static void put(const char *path, const char *content)
{
    struct tern_writer w;
    tern_error err = {TERN_OK, ""};
    if (tern_writer_open(&w, path, NULL, &err))
        fail_msg("%s", err.message);
    fputs(content, w.stream);
    if (tern_writer_commit(&w, &err))
        fail_msg("%s", err.message);
}

static void test_whole_or_nothing(void **state)
{
    struct tern_writer w, zeroed = {0};
    struct tern_mapping map;
    tern_error err;
    char target[512], too_long[5000];
    (void)state;

    strcpy(target, in_dir("out"));
    assert_int_equal(tern_writer_open(&w, target, NULL, &err), TERN_OK);
    assert_int_equal(access(target, F_OK), -1); /* nothing there before the commit */
    fputs("first", w.stream);
    assert_int_equal(tern_writer_commit(&w, &err), TERN_OK);
    assert_int_equal(count_files(), 1);
    tern_writer_discard(&w);
    assert_int_equal(tern_writer_commit(&w, &err), TERN_IO);

    assert_int_equal(tern_writer_open(&w, target, NULL, &err), TERN_OK);
    fputs("second", w.stream);
    assert_int_equal(count_files(), 2);
    tern_writer_discard(&w);
    tern_writer_discard(&w);
    tern_writer_discard(&zeroed);
    assert_int_equal(count_files(), 1);
    assert_int_equal(tern_map_open(&map, target, NULL), TERN_OK);
    assert_memory_equal(map.bytes, "first", 5);
    put(target, "third"); /* replacing a mapped file leaves the mapping as it was */
    assert_memory_equal(map.bytes, "first", 5);
    tern_map_close(&map);

    /* two at once do not share a temporary file */
    struct tern_writer other;
    assert_int_equal(tern_writer_open(&w, target, NULL, &err), TERN_OK);
    assert_int_equal(tern_writer_open(&other, target, NULL, &err), TERN_OK);
    assert_string_not_equal(w.temporary, other.temporary);
    tern_writer_discard(&w);
    tern_writer_discard(&other);

    assert_int_equal(tern_writer_open(&w, in_dir("no/such/folder"), NULL, &err), TERN_IO);
    assert_non_null(strstr(err.message, "no/such/folder: cannot create: No such file"));
    assert_int_equal(tern_writer_open(&w, dir, NULL, &err), TERN_IO);
    assert_non_null(strstr(err.message, "is a directory"));
    assert_int_equal(tern_writer_open(&w, "", NULL, &err), TERN_IO);
    assert_non_null(strstr(err.message, "is empty")); /* it left .PID.0.tmp in the present folder */
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(tern_writer_open(&w, too_long, NULL, &err), TERN_IO);
    tern_writer_discard(&w);
    unlink(target);
    assert_int_equal(count_files(), 0);
}

/* A library's caller may be a daemon without standard descriptors: its next message once went into the file. */
static void test_descriptors(void **state)
{
    struct tern_writer w;
    (void)state;
    const int saved = dup(STDERR_FILENO);
    fflush(stderr);
    close(STDERR_FILENO);
    const tern_status status = tern_writer_open(&w, in_dir("out"), dir, NULL);
    const int free_now = fcntl(STDERR_FILENO, F_GETFD) < 0;
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(status, TERN_OK);
    assert_true(w.fd > STDERR_FILENO);
    assert_true(free_now);
    tern_writer_discard(&w);
}

/* The link once became a file, and its target stayed old. */
static void test_links(void **state)
{
    struct stat st;
    struct tern_writer w;
    tern_error err;
    (void)state;
    assert_int_equal(mkdir(in_dir("far"), 0700), 0);
    put(in_dir("far/file"), "old");
    assert_int_equal(symlink("far/file", in_dir("link")), 0);
    assert_int_equal(symlink("link", in_dir("link2")), 0);
    put(in_dir("link2"), "new");
    expect_file(in_dir("far/file"), "new");
    assert_true(lstat(in_dir("link2"), &st) == 0 && S_ISLNK(st.st_mode));
    assert_true(lstat(in_dir("link"), &st) == 0 && S_ISLNK(st.st_mode));
    unlink(in_dir("far/file")); /* a link to a name that is free makes the file */
    put(in_dir("link2"), "again");
    expect_file(in_dir("far/file"), "again");
    assert_true(tern_same_file(in_dir("link"), in_dir("far/file")));
    assert_false(tern_same_file(in_dir("link"), in_dir("absent")));
    unlink(in_dir("link"));
    assert_int_equal(symlink("link2", in_dir("link")), 0); /* each to the other */
    assert_int_equal(tern_writer_open(&w, in_dir("link"), NULL, &err), TERN_IO);
    assert_non_null(strstr(err.message, "link: cannot create: "));
    unlink(in_dir("far/file"));
    unlink(in_dir("link"));
    unlink(in_dir("link2"));
    rmdir(in_dir("far"));
    assert_int_equal(count_files(), 0);
}

/* Mode 600 once became 644. */
static void test_modes(void **state)
{
    static const mode_t modes[] = {0600, 0640, 0755};
    struct stat st;
    struct tern_writer w;
    char path[512];
    (void)state;
    strcpy(path, in_dir("out"));
    const mode_t before = umask(022);
    put(path, "a");
    assert_true(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        put(path, "b");
        assert_true(stat(path, &st) == 0 && (st.st_mode & 07777) == modes[i]);
    }
    if (geteuid() == 0 && chown(path, 1, 2) == 0) {
        put(path, "c");
        assert_true(stat(path, &st) == 0 && st.st_uid == 1 && st.st_gid == 2);
    }
    chmod(path, 0600); /* what is secret is so while it is written, too */
    assert_int_equal(tern_writer_open(&w, path, NULL, NULL), TERN_OK);
    assert_true(stat(w.temporary, &st) == 0 && (st.st_mode & 0777) == 0600);
    tern_writer_discard(&w);
    unlink(path);
    umask(077);
    put(path, "d");
    assert_true(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    umask(before);
    unlink(path);
}

static void *slow_reader(void *read_end)
{
    static char all[300000];
    size_t n = 0;
    ssize_t got;
    usleep(50000);
    while ((got = read(*(int *)read_end, all + n, sizeof all - n)) > 0)
        n += (size_t)got;
    return (void *)(uintptr_t)n;
}

/* Pipes and devices were refused; one that does not block lost what it did not take at once. */
static void test_no_regular_files(void **state)
{
    enum { BYTES = 200000 };
    struct tern_writer w;
    struct stat st;
    tern_error err;
    char name[64];
    int ends[2];
    pthread_t thread;
    void *read_bytes;
    (void)state;
    put("/dev/null", "text");
    assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    for (int whole = 0; whole < 2; whole++) {
        struct tern_mapping map;
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
        snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
        assert_int_equal(tern_writer_open(&w, name, whole ? dir : NULL, &err), TERN_OK);
        assert_string_equal(w.temporary, "");
        assert_int_equal(count_files(), 0); /* the spool has no name */
        close(ends[1]);
        assert_int_equal(pthread_create(&thread, NULL, slow_reader, &ends[0]), 0);
        for (int i = 0; i < BYTES; i++)
            putc('x', w.stream);
        if (whole) { /* what is there can be read before anybody has it */
            assert_int_equal(tern_writer_map(&w, &map, &err), TERN_OK);
            assert_int_equal(map.size, BYTES);
            assert_int_equal(map.bytes[BYTES - 1], 'x');
            tern_map_close(&map);
        }
        assert_int_equal(tern_writer_commit(&w, &err), TERN_OK);
        pthread_join(thread, &read_bytes);
        assert_int_equal((uintptr_t)read_bytes, BYTES);
        close(ends[0]);
    }
    assert_int_equal(tern_writer_open(&w, "/dev/fd/999", NULL, &err), TERN_IO);
    assert_non_null(strstr(err.message, "/dev/fd/999: cannot open: Bad file descriptor"));
    /* Whatever the folder was called, it was /tmp. */
    assert_int_equal(tern_writer_open(&w, "/dev/null", in_dir("nowhere"), &err), TERN_IO);
    assert_non_null(strstr(err.message, "/dev/null: cannot keep it in /"));
    assert_non_null(strstr(err.message, "/nowhere until it is whole: No such file or directory"));
    assert_int_equal(count_files(), 0);
}

/* The reason was lost ("Input/output error"), and of a full disk nothing may stay behind. */
static void test_errors(void **state)
{
    struct tern_writer w;
    tern_error err;
    int ends[2];
    char name[64];
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(tern_writer_open(&w, "/dev/full", NULL, &err), TERN_OK);
        fputs("lost", w.stream);
        assert_int_equal(tern_writer_commit(&w, &err), TERN_IO);
        assert_string_equal(err.message, "/dev/full: cannot write: No space left on device");
    }
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    assert_int_equal(tern_writer_open(&w, name, NULL, &err), TERN_OK);
    close(ends[0]);
    fputs("lost", w.stream);
    assert_int_equal(tern_writer_commit(&w, &err), TERN_IO);
    assert_non_null(strstr(err.message, "cannot write: Broken pipe"));
    close(ends[1]);

    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){1000, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(tern_writer_open(&w, in_dir("out"), NULL, &err), TERN_OK);
    for (int i = 0; i < 100000; i++)
        putc('x', w.stream);
    const tern_status flushed = tern_writer_flush(&w, NULL), status = tern_writer_commit(&w, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(flushed, TERN_IO);
    assert_int_equal(status, TERN_IO);
    assert_non_null(strstr(err.message, "out: cannot write: File too large"));
    assert_int_equal(count_files(), 0);
}

/* A seek that fails: a header at the file's begin once went missing, and the file was committed without it. */
static void test_no_seek(void **state)
{
    struct tern_writer w;
    tern_error err = {TERN_OK, ""};
    char name[32];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    assert_int_equal(tern_writer_open(&w, name, NULL, &err), TERN_OK);
    fputs("rows", w.stream);
    assert_int_not_equal(fseek(w.stream, 0, SEEK_SET), 0);
    assert_int_not_equal(tern_writer_commit(&w, &err), TERN_OK);
    assert_non_null(strstr(err.message, "Illegal seek"));
    tern_writer_discard(&w);
    close(ends[0]);
    close(ends[1]);
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
        cmocka_unit_test(test_whole_or_nothing),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_no_regular_files),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_no_seek),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
