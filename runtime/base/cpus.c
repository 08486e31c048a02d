/* Counts the CPUs that affinity and cgroup quotas leave to this process, for the default number of threads. */
#include "runtime/base/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

/* The mask of sched_getaffinity for up to 8192 CPUs, Linux's own limit; cpu_set_t ends at 1024. */
enum { MOST_CPUS = 8192 };
union mask {
    cpu_set_t first;
    unsigned char bytes[MOST_CPUS / 8];
};

/* 1 without a mask. */
static int read_affinity(union mask *mask)
{
    memset(mask, 0, sizeof *mask);
    return sched_getaffinity(0, sizeof *mask, &mask->first) ? 1 : CPU_COUNT_S(sizeof *mask, &mask->first);
}

int tern_cpus_affinity(void)
{
    union mask mask;
    return read_affinity(&mask);
}

/* One number of a file under /sys/devices/system/cpu; 0 where there is none. */
static long read_cpu(const char *root, int cpu, const char *name)
{
    char path[400];
    long value = 0;
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/%s", root, cpu, name);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%ld", &value) != 1)
        value = 0;
    if (file)
        fclose(file);
    return value;
}

/* Whether some CPUs of the mask are slower than others by more than a quarter: by the kernel's own measure, which
   counts what a clock cycle does, else by their highest clocks. Clocks of one kind of core differ by less. */
static int are_unequal(const char *root, const union mask *mask)
{
    static const char *const measures[] = {"cpu_capacity", "cpufreq/cpuinfo_max_freq"};
    for (int i = 0; i < 2; i++) {
        long least = 0, most = 0;
        for (int cpu = 0; cpu < MOST_CPUS; cpu++) {
            if (!CPU_ISSET_S((size_t)cpu, sizeof *mask, &mask->first))
                continue;
            const long value = read_cpu(root, cpu, measures[i]);
            if (value <= 0)
                break;
            least = !least || value < least ? value : least;
            most = value > most ? value : most;
        }
        if (most)
            return least < most - most / 4;
    }
    return 0;
}

/* Reads "QUOTA PERIOD" in microseconds; "max" or -1 as the quota is no limit. Version 1 has a file for each number. */
static int read_quota(const char *root, const char *group, int version, long *quota, long *period)
{
    static const char *const mounts[] = {"cpu,cpuacct", "cpu", "cpuacct,cpu"};
    char path[800];
    if (version == 2) {
        snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/cpu.max", root, group);
        FILE *file = fopen(path, "re");
        const int fields = file ? fscanf(file, "%ld %ld", quota, period) : 0;
        if (file)
            fclose(file);
        return fields == 2;
    }
    for (int i = 0; i < 3; i++) {
        int fields = 0;
        for (int j = 0; j < 2; j++) {
            snprintf(path, sizeof path, "%s/sys/fs/cgroup/%s%s/cpu.cfs_%s_us", root, mounts[i], group,
                     j ? "period" : "quota");
            FILE *file = fopen(path, "re");
            fields += file && fscanf(file, "%ld", j ? period : quota) == 1;
            if (file)
                fclose(file);
        }
        if (fields == 2)
            return 1;
    }
    return 0;
}

/* The least quota of a cgroup and of those above it, in CPUs rounded up; `least` where none has one. Inside a container
   the path may name a group that is not mounted here: then only those above it are found. */
static int least_quota(const char *root, char *group, int version, int least)
{
    for (;;) {
        long quota = 0, period = 0;
        if (read_quota(root, group, version, &quota, &period) && quota > 0 && period > 0) {
            const long whole = (quota - 1) / period + 1;
            if (!least || whole < least)
                least = whole > TERN_MOST_THREADS ? TERN_MOST_THREADS : (int)whole;
        }
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = 0;
    }
}

/* Whether a comma-separated list has "cpu". */
static int has_cpu(const char *list)
{
    for (const char *at = list; (at = strstr(at, "cpu")); at += 3)
        if ((at == list || at[-1] == ',') && (at[3] == ',' || at[3] == 0))
            return 1;
    return 0;
}

/* Lines of /proc/self/cgroup are "0::PATH" for version 2 and "N:CONTROLLERS:PATH" for version 1. */
static int cgroup_quota(const char *root)
{
    char line[600];
    int least = 0;
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        controllers++;
        path[strcspn(path, "\n")] = 0;
        if (!strcmp(path, "/"))
            *path = 0;
        if (!*controllers)
            least = least_quota(root, path, 2, least);
        else if (has_cpu(controllers))
            least = least_quota(root, path, 1, least);
    }
    if (file)
        fclose(file);
    return least;
}

/* The fourth field of /proc/loadavg is "RUNNABLE/ALL", the caller included. */
static int others_running(const char *root)
{
    char path[300];
    int running = 0;
    snprintf(path, sizeof path, "%s/proc/loadavg", root);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%*s %*s %*s %d/", &running) != 1)
        running = 0;
    if (file)
        fclose(file);
    return running > 1 ? running - 1 : 0;
}

struct tern_cpus tern_cpus_look(const char *root)
{
    union mask mask;
    struct tern_cpus c = {
        .affinity = read_affinity(&mask), .quota = cgroup_quota(root), .running = others_running(root)};
    c.unequal = are_unequal(root, &mask);
    c.allowed = c.quota && c.quota < c.affinity ? c.quota : c.affinity;
    c.allowed = c.allowed < 1 ? 1 : c.allowed > TERN_MOST_THREADS ? TERN_MOST_THREADS : c.allowed;
    return c;
}

int tern_threads_allowed(void)
{
    return tern_cpus_look("").allowed;
}
