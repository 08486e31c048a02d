/* Reads CPU name, frequency, temperature and memory from Linux, for `tern bench`. */
#include "tools/host.h"

#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int host_read_line(const char *root, const char *path, char *out, size_t capacity)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    FILE *file = fopen(whole, "re");
    if (!file)
        return 0;
    int got = fgets(out, (int)capacity, file) != NULL;
    fclose(file);
    if (got)
        out[strcspn(out, "\n")] = 0;
    return got && *out;
}

/* The value of a "key : value" line of /proc/cpuinfo, of the processor `cpu` (-1: of the first that has it). */
static int cpuinfo_value(const char *key, int cpu, char *out, size_t capacity)
{
    char line[512];
    int processor = -1, found = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return 0;
    while (!found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        if (!strncmp(line, "processor", 9))
            processor = atoi(colon + 1);
        if ((cpu < 0 || cpu == processor) && !strncmp(line, key, strlen(key))) {
            colon += 1 + strspn(colon + 1, " \t");
            colon[strcspn(colon, "\n")] = 0;
            snprintf(out, capacity, "%s", colon);
            found = 1;
        }
    }
    fclose(file);
    return found;
}

void host_cpu_name(char *out, size_t capacity)
{
    if (!cpuinfo_value("model name", -1, out, capacity) &&
        !host_read_line("", "/proc/device-tree/model", out, capacity) &&
        !cpuinfo_value("Hardware", -1, out, capacity) && !cpuinfo_value("CPU part", -1, out, capacity))
        snprintf(out, capacity, "unknown");
}

double host_mhz(void)
{
    char path[96], text[64];
    int cpu = sched_getcpu();
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
    if (cpu >= 0 && host_read_line("", path, text, sizeof text))
        return atof(text) / 1000;
    return cpu >= 0 && cpuinfo_value("cpu MHz", cpu, text, sizeof text) ? atof(text) : -1;
}

double host_temperature(const char *root)
{
    char path[64], text[32];
    double most = -1;
    for (int i = 0; i < 64; i++) {
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", i);
        if (!host_read_line(root, path, text, sizeof text))
            break;
        double degrees = atof(text) / 1000;
        most = degrees > most ? degrees : most;
    }
    return most;
}

long host_firmware_flags(const char *root)
{
    /* The firmware's device is called soc:firmware, or soc@ADDRESS:firmware where the bus has an address. */
    char pattern[512], text[64];
    glob_t found;
    long flags = -1;
    snprintf(pattern, sizeof pattern, "%s/sys/devices/platform/soc*/soc*:firmware/get_throttled", root);
    if (glob(pattern, 0, NULL, &found) == 0) {
        if (host_read_line("", found.gl_pathv[0], text, sizeof text))
            flags = strtol(text, NULL, 16);
        globfree(&found);
    }
    return flags;
}

long host_throttled(const char *root, int *is_count)
{
    char text[64];
    const long flags = host_firmware_flags(root);
    *is_count = flags < 0;
    if (flags >= 0)
        return (flags & 0xf) != 0;
    long sum = -1;
    static const char *const counts[] = {"core_throttle_count", "package_throttle_count"};
    for (int i = 0; i < 2; i++) {
        char path[96];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/thermal_throttle/%s", counts[i]);
        if (host_read_line(root, path, text, sizeof text))
            sum = (sum < 0 ? 0 : sum) + atol(text);
    }
    return sum;
}

int host_governor_saves(void)
{
    char text[64];
    return host_read_line("", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text, sizeof text) &&
           strcmp(text, "performance") != 0;
}

void host_reset_peak_rss(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (!file)
        return;
    fputs("5", file); /* proc(5): resets VmHWM to the present value */
    fclose(file);
}

long host_peak_rss_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && kib < 0 && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmHWM:", 6))
            kib = atol(line + 6);
    if (file)
        fclose(file);
    struct rusage usage;
    if (kib < 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kib = usage.ru_maxrss;
    return kib;
}

struct host_usage host_usage(void)
{
    enum { BLOCK = 512 }; /* getrusage(2)'s, whatever the storage has */
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u))
        return (struct host_usage){0, 0, 0};
    return (struct host_usage){u.ru_minflt + u.ru_majflt, u.ru_majflt, (int64_t)u.ru_inblock * BLOCK};
}

void host_usage_add(struct host_usage *sum, const struct host_usage *from, const struct host_usage *to)
{
    sum->page_faults += to->page_faults - from->page_faults;
    sum->from_storage += to->from_storage - from->from_storage;
    sum->bytes_read += to->bytes_read - from->bytes_read;
}
