/* LAPACK comes and goes while other threads print: it stays loaded, or printf calls what is no longer there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/lapack.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int over;

static void *print(void *argument)
{
    char text[64];
    (void)argument;
    while (!atomic_load(&over))
        snprintf(text, sizeof text, "%d %s %.17g %Lf", 7, "texts", 0.1, 0.1L);
    return NULL;
}

/* Whether a file of that name is mapped. */
static int loaded(const char *name)
{
    char line[600];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        found |= strstr(line, name) != NULL;
    fclose(maps);
    return found;
}

/* With dlclose at the end of each conversion, this crashed in seven of eight runs: Fortran's run-time library brings
   libquadmath, which tells printf of functions of its own. */
static void test_prints_while_it_loads(void **state)
{
    (void)state;
    pthread_t threads[2];
    struct tern_lapack lapack;
    int opened = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, print, NULL), 0);
    for (int i = 0; i < 300; i++)
        opened += !tern_lapack_open(&lapack);
    atomic_store(&over, 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    if (!opened) {
        printf("no LAPACK here\n");
        return;
    }
    assert_int_equal(opened, 300);
    assert_true(loaded("liblapack"));
    char line[32];
    double a[4] = {4, 0, 0, 9}; /* its diagonal's roots are the factor's */
    assert_int_equal(lapack.factor(&lapack, 'U', 2, a), 0);
    snprintf(line, sizeof line, "%g %g", a[0], a[3]);
    assert_string_equal(line, "2 3");
}

/* 0: from here on this process starts no thread, as in a container that forbids them. */
static int forbid_threads(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof code / sizeof code[0], code};
    pthread_t thread;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ||
           !pthread_create(&thread, NULL, print, NULL);
}

enum { WORKS = 10, ABSENT, CANNOT_FORBID, WRONG, MOVED };

/* What a process without threads makes of LAPACK; it is bound to the same CPUs after that. */
static int without_threads(void)
{
    enum { N = 200 };
    struct tern_lapack lapack;
    cpu_set_t before, after;
    double *a = calloc(N * N, sizeof *a);
    if (forbid_threads() || sched_getaffinity(0, sizeof before, &before))
        return CANNOT_FORBID;
    if (tern_lapack_open(&lapack))
        return ABSENT;
    for (int i = 0; i < N; i++)
        a[i + i * N] = 4;
    if (lapack.factor(&lapack, 'U', N, a) || a[N * N - 1] != 2)
        return WRONG;
    return sched_getaffinity(0, sizeof after, &after) || !CPU_EQUAL(&before, &after) ? MOVED : WORKS;
}

/* OpenBLAS printed two lines and ended the process by SIGINT, OpenMP's by exit(1). */
static void test_no_threads(void **state)
{
    int how;
    (void)state;
    const pid_t child = fork();
    if (!child)
        _exit(without_threads());
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) == ABSENT || WEXITSTATUS(how) == CANNOT_FORBID)
        printf("not tried: %d\n", WEXITSTATUS(how));
    else
        assert_int_equal(WEXITSTATUS(how), WORKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_threads), /* before a thread has run */
        cmocka_unit_test(test_prints_while_it_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
