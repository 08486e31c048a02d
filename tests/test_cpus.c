/* How many threads a session takes: affinity masks, of large machines too, and quotas of both versions of cgroups;
   whether their CPUs are of one speed. */
/* LDFLAGS: -Wl,--wrap=sched_getaffinity */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/base/cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CPUs of the machine that is played, of which the mask has those from played_first on; 0: the real one. */
static int played, played_first;

int __real_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *mask);
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *mask);

/* As Linux does it: a mask with less room than the kernel's own is refused. */
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *mask)
{
    if (!played)
        return __real_sched_getaffinity(pid, bytes, mask);
    if (bytes * 8 < (size_t)played) {
        errno = EINVAL;
        return -1;
    }
    memset(mask, 0, bytes);
    for (int i = played_first; i < played; i++)
        CPU_SET_S((size_t)i, bytes, mask);
    return 0;
}

static void write_file(const char *root, const char *name, const char *text)
{
    char path[600], command[700];
    snprintf(path, sizeof path, "%s%s", root, name);
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path);
    assert_int_equal(system(command), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void check_quota(const char *const (*files)[2], int quota, int running)
{
    char root[] = "/tmp/tern_cpus_XXXXXX", command[100];
    assert_non_null(mkdtemp(root));
    for (int i = 0; files[i][0]; i++)
        write_file(root, files[i][0], files[i][1]);
    const struct tern_cpus c = tern_cpus_look(root), here = tern_cpus_look("");
    assert_int_equal(c.quota, quota);
    assert_int_equal(c.running, running);
    assert_int_equal(c.affinity, here.affinity);
    const int most = c.affinity < TERN_MOST_THREADS ? c.affinity : TERN_MOST_THREADS;
    assert_int_equal(c.allowed, quota && quota < most ? quota : most);
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

static void test_quotas(void **state)
{
    (void)state;
    static const char *const none[][2] = {{NULL, NULL}};
    static const char *const two[][2] = {{"/proc/self/cgroup", "0::/a/b\n"},
                                         {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
                                         {"/sys/fs/cgroup/a/cpu.max", "150000 100000\n"},
                                         {"/proc/loadavg", "0.50 0.40 0.30 3/120 4711\n"},
                                         {NULL, NULL}};
    static const char *const container[][2] = {{"/proc/self/cgroup", "0::/\n"},
                                               {"/sys/fs/cgroup/cpu.max", "50000 100000\n"},
                                               {"/proc/loadavg", "0.50 0.40 0.30 1/120 4711\n"},
                                               {NULL, NULL}};
    static const char *const unmounted[][2] = {
        {"/proc/self/cgroup", "0::/../elsewhere\n"}, {"/sys/fs/cgroup/cpu.max", "300000 100000\n"}, {NULL, NULL}};
    static const char *const first[][2] = {{"/proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/7\n0::/\n"},
                                           {"/sys/fs/cgroup/cpu,cpuacct/docker/7/cpu.cfs_quota_us", "100000\n"},
                                           {"/sys/fs/cgroup/cpu,cpuacct/docker/7/cpu.cfs_period_us", "100000\n"},
                                           {"/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "-1\n"},
                                           {"/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n"},
                                           {NULL, NULL}};
    static const char *const bad[][2] = {{"/proc/self/cgroup", "nonsense\n0::/a\n\n"},
                                         {"/sys/fs/cgroup/a/cpu.max", "many\n"},
                                         {"/sys/fs/cgroup/cpu.max", "100000 0\n"},
                                         {"/proc/loadavg", "?\n"},
                                         {NULL, NULL}};
    check_quota(none, 0, 0);
    check_quota(two, 2, 2);
    check_quota(container, 1, 0);
    check_quota(unmounted, 3, 0);
    check_quota(first, 1, 0);
    check_quota(bad, 0, 0);
}

/* A cpu_set_t of 1024 bits is refused there, and a session then took one thread. */
static void test_many_cpus(void **state)
{
    (void)state;
    for (played = 1000; played <= 8192; played += 1024) {
        const struct tern_cpus c = tern_cpus_look("/nowhere");
        assert_int_equal(c.affinity, played);
        assert_int_equal(c.allowed, TERN_MOST_THREADS);
    }
    played = 0;
}

/* One machine: what its CPUs' files say, and the mask. */
static void check_speeds(const char *name, const int *values, int cpus, int first, int unequal)
{
    char root[] = "/tmp/tern_cpus_XXXXXX", path[100], command[100], text[20];
    assert_non_null(mkdtemp(root));
    for (int i = 0; i < cpus && values[i]; i++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/%s", i, name);
        snprintf(text, sizeof text, "%d\n", values[i]);
        write_file(root, path, text);
    }
    played = cpus;
    played_first = first;
    const struct tern_cpus c = tern_cpus_look(root);
    played = played_first = 0;
    assert_int_equal(c.affinity, cpus - first);
    assert_int_equal(c.allowed, cpus - first);
    assert_int_equal(c.unequal, unequal);
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

/* big.LITTLE, with the mask on all CPUs or on those of one kind. */
static void test_speeds(void **state)
{
    (void)state;
    static const int little_big[] = {446, 446, 446, 446, 1024, 1024}, same[] = {1024, 1024, 1024, 1024},
                     hybrid[] = {5000000, 5200000, 3900000, 3700000}, turbo[] = {5000000, 5200000, 5000000, 4700000},
                     missing[] = {446, 1024, 0, 0}, none[] = {0, 0};
    static const char capacity[] = "cpu_capacity", clock[] = "cpufreq/cpuinfo_max_freq";
    check_speeds(capacity, little_big, 6, 0, 1);
    check_speeds(capacity, little_big, 6, 3, 1);
    check_speeds(capacity, little_big, 6, 4, 0);
    check_speeds(capacity, little_big, 4, 0, 0);
    check_speeds(capacity, same, 4, 0, 0);
    check_speeds(clock, hybrid, 4, 0, 1);
    check_speeds(clock, hybrid, 4, 2, 0);
    check_speeds(clock, turbo, 4, 0, 0);
    check_speeds(capacity, missing, 4, 0, 1); /* the others are not online: those that are differ */
    check_speeds(capacity, none, 2, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_quotas), cmocka_unit_test(test_many_cpus),
                                       cmocka_unit_test(test_speeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
