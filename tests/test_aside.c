/* Work beside the caller: every piece is done once and in order, whoever does it and however late the thread is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/aside.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIECES = 200 };

struct work {
    int done[PIECES], n;
    long piece_us;
};

static void sleep_us(long us)
{
    const struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

static int step(void *context)
{
    struct work *const w = context;
    w->done[w->n] = w->n;
    w->n++;
    if (w->piece_us)
        sleep_us(w->piece_us);
    return w->n < PIECES;
}

static void check(const struct work *w)
{
    assert_int_equal(w->n, PIECES);
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(w->done[i], i);
}

/* The caller comes at once, in the middle, or when all is done. */
static void test_finish(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++)
        for (int round = 0; round < 60; round++) {
            struct tern_aside aside;
            struct work work = {.piece_us = round % 3 ? 0 : 20};
            tern_aside_begin(&aside, step, &work, shared);
            if (round % 2)
                sleep_us(100 * round);
            tern_aside_finish(&aside);
            check(&work);
            memset(&work, 0, sizeof work); /* nobody touches it any more */
            tern_aside_close(&aside);
            assert_int_equal(work.n, 0);
            tern_aside_close(&aside);
        }
}

static void test_leave(void **state)
{
    (void)state;
    struct tern_aside never;
    memset(&never, 0, sizeof never);
    tern_aside_close(&never);
    for (int round = 0; round < 60; round++) {
        struct tern_aside aside;
        struct work work = {.piece_us = 20};
        tern_aside_begin(&aside, step, &work, 1);
        sleep_us(20 * round);
        tern_aside_close(&aside);
        for (int i = 0; i < work.n; i++)
            assert_int_equal(work.done[i], i);
    }
}

/* A child of fork lacks the thread, and must not wait for it. It ends by a signal, without any code that runs at exit:
 * a sanitizer's calls the parent's thread, which has ended by then or not, a leak of the child. */
static void test_fork(void **state)
{
    (void)state;
    struct tern_aside aside;
    struct work work = {.piece_us = 0};
    int status = 0;
    tern_aside_begin(&aside, step, &work, 1);
    tern_aside_finish(&aside);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        alarm(20);
        tern_aside_close(&aside);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    tern_aside_close(&aside);
    check(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
