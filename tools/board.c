/* Says which board or PC this is and in what state, for `tern bench --report`. */
#include "tools/board.h"
#include "tools/cli.h"
#include "tools/host.h"

#include "runtime/base/thread.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { MOST_KINDS = 8, MOST_POLICIES = 256 };

static void print_line(FILE *out, const char *name, const char *value)
{
    fprintf(out, "- %s: ", name);
    cli_plain(out, value, strlen(value));
    putc('\n', out);
}

/* The value of "NAME=VALUE" or "NAME: VALUE" in a file of such lines, without quotes; 0 when there is none. */
static int value_of(const char *root, const char *path, const char *name, char *out, size_t capacity)
{
    char line[256];
    const size_t bytes = strlen(name);
    int found = 0;
    snprintf(line, sizeof line, "%s%s", root, path);
    FILE *file = fopen(line, "re");
    while (file && !found && fgets(line, sizeof line, file))
        if (!strncmp(line, name, bytes) && strchr("=:", line[bytes]) && line[bytes]) {
            const char *value = line + bytes + 1;
            value += strspn(value, " \t\"");
            snprintf(out, capacity, "%.*s", (int)strcspn(value, "\"\n"), value);
            found = 1;
        }
    if (file)
        fclose(file);
    return found;
}

/* ---- Board and system
 * ------------------------------------------------------------------------------------------------------------ */

static void print_board(FILE *out, const char *root)
{
    static const char *const parts[] = {"sys_vendor", "product_name", "board_vendor", "board_name"};
    char text[400] = "", part[128], path[64];
    size_t used = 0;
    if (!host_read_line(root, "/proc/device-tree/model", text, sizeof text))
        for (int i = 0; i < 4; i++) {
            snprintf(path, sizeof path, "/sys/class/dmi/id/%s", parts[i]);
            if (!host_read_line(root, path, part, sizeof part) || strstr(text, part))
                continue;
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.90s", used ? " " : "", part);
        }
    print_line(out, "board", *text ? text : "not known");
}

static void print_system(FILE *out, const char *root)
{
    struct utsname kernel;
    char text[400], name[128];
    if (uname(&kernel))
        snprintf(text, sizeof text, "not known");
    else
        snprintf(text, sizeof text, "%.60s %.100s %.60s", kernel.sysname, kernel.release, kernel.machine);
    print_line(out, "kernel", text);
    if (!value_of(root, "/etc/os-release", "PRETTY_NAME", name, sizeof name))
        snprintf(name, sizeof name, "not known");
    snprintf(text, sizeof text, "%s, programs of %d bits", name, (int)(8 * sizeof(void *)));
    print_line(out, "system", text);
}

/* ---- CPUs
 * ------------------------------------------------------------------------------------------------------------ */

/* What /proc/cpuinfo says of one CPU. */
struct cpu {
    char implementer[16], part[16], variant[16], revision[16]; /* ARM: fields of the register MIDR */
    char name[96], family[16], model[16], stepping[16];        /* x86 */
};

/* Of cores by Arm itself, implementer 0x41 (Arm's manuals of these cores, "MIDR"). */
static const char *arm_core(const struct cpu *c)
{
    static const struct {
        long part;
        const char *name;
    } cores[] = {{0xc07, "Cortex-A7"},   {0xc08, "Cortex-A8"},  {0xc09, "Cortex-A9"},  {0xc0f, "Cortex-A15"},
                 {0xd03, "Cortex-A53"},  {0xd04, "Cortex-A35"}, {0xd05, "Cortex-A55"}, {0xd07, "Cortex-A57"},
                 {0xd08, "Cortex-A72"},  {0xd09, "Cortex-A73"}, {0xd0a, "Cortex-A75"}, {0xd0b, "Cortex-A76"},
                 {0xd0c, "Neoverse N1"}, {0xd41, "Cortex-A78"}};
    const long part = strtol(c->part, NULL, 16);
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
        if (strtol(c->implementer, NULL, 16) == 0x41 && cores[i].part == part)
            return cores[i].name;
    return "core";
}

static void describe_cpu(char *out, size_t capacity, const struct cpu *c)
{
    if (*c->part)
        snprintf(out, capacity, "%s r%ldp%ld (implementer %s, part %s)", arm_core(c), strtol(c->variant, NULL, 0),
                 strtol(c->revision, NULL, 0), c->implementer, c->part);
    else if (*c->name)
        snprintf(out, capacity, "%s (family %s, model %s, stepping %s)", c->name, c->family, c->model, c->stepping);
    else
        snprintf(out, capacity, "CPU of a kind that is not known");
}

/* CPUs that are alike are a kind: the clusters of big.LITTLE, in the order of the kernel's numbers. */
struct kinds {
    int n, counts[MOST_KINDS];
    char names[MOST_KINDS][192];
};

static void count_cpu(struct kinds *k, const struct cpu *c)
{
    char name[192];
    int i = 0;
    describe_cpu(name, sizeof name, c);
    while (i < k->n && strcmp(k->names[i], name))
        i++;
    if (i == MOST_KINDS)
        return;
    memcpy(k->names[i], name, sizeof name);
    k->n += i == k->n;
    k->counts[i]++;
}

static void take_cpu_line(struct cpu *c, char *line)
{
    const struct {
        const char *key;
        char *at;
        size_t bytes;
    } fields[] = {{"CPU implementer", c->implementer, sizeof c->implementer},
                  {"CPU part", c->part, sizeof c->part},
                  {"CPU variant", c->variant, sizeof c->variant},
                  {"CPU revision", c->revision, sizeof c->revision},
                  {"model name", c->name, sizeof c->name},
                  {"cpu family", c->family, sizeof c->family},
                  {"model", c->model, sizeof c->model},
                  {"stepping", c->stepping, sizeof c->stepping}};
    char *const colon = strchr(line, ':'), *end = colon;
    if (!colon)
        return;
    while (end > line && strchr(" \t", end[-1]))
        end--;
    *end = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!strcmp(line, fields[i].key)) {
            const char *value = colon + 1 + strspn(colon + 1, " \t");
            snprintf(fields[i].at, fields[i].bytes, "%.*s", (int)strcspn(value, "\n"), value);
        }
}

static void print_cpus(FILE *out, const char *root)
{
    char line[512], text[MOST_KINDS * 220] = "";
    struct kinds kinds = {0};
    struct cpu cpu = {0};
    int any = 0;
    size_t used = 0;
    snprintf(line, sizeof line, "%s/proc/cpuinfo", root);
    FILE *file = fopen(line, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (!strncmp(line, "processor", 9)) {
            if (any)
                count_cpu(&kinds, &cpu);
            memset(&cpu, 0, sizeof cpu);
            any = 1;
        }
        take_cpu_line(&cpu, line);
    }
    if (any)
        count_cpu(&kinds, &cpu);
    if (file)
        fclose(file);
    for (int i = 0; i < kinds.n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d x %s", i ? " + " : "", kinds.counts[i],
                                 kinds.names[i]);
    print_line(out, "CPUs", kinds.n ? text : "not known");
    fprintf(out, "- CPUs that Tern may use: %d\n", tern_threads_allowed());
}

/* Cores that share a clock are a policy; policies that say the same are counted together. */
static void print_frequencies(FILE *out, const char *root)
{
    char path[96], governor[32], least[24], most[24], cpus[256], text[96], last[96] = "";
    int alike = 0, any = 0;
    fputs("- frequency: ", out);
    for (int i = 0; i < MOST_POLICIES; i++) {
        int n = 0;
        const int base = snprintf(path, sizeof path, "/sys/devices/system/cpu/cpufreq/policy%d/", i);
        const size_t room = sizeof path - (size_t)base;
        snprintf(path + base, room, "scaling_governor");
        if (!host_read_line(root, path, governor, sizeof governor))
            continue;
        snprintf(path + base, room, "scaling_min_freq");
        if (!host_read_line(root, path, least, sizeof least))
            *least = 0;
        snprintf(path + base, room, "scaling_max_freq");
        if (!host_read_line(root, path, most, sizeof most))
            *most = 0;
        snprintf(path + base, room, "related_cpus");
        if (host_read_line(root, path, cpus, sizeof cpus))
            for (const char *c = cpus + strspn(cpus, " "); *c; n++)
                c += strcspn(c, " "), c += strspn(c, " ");
        snprintf(text, sizeof text, "%.31s, %ld to %ld MHz", governor, atol(least) / 1000, atol(most) / 1000);
        if (any && strcmp(text, last)) {
            fprintf(out, "%d x ", alike);
            cli_plain(out, last, strlen(last));
            fputs(" + ", out);
            alike = 0;
        }
        memcpy(last, text, sizeof last);
        alike += n ? n : 1;
        any = 1;
    }
    if (any) {
        fprintf(out, "%d x ", alike);
        cli_plain(out, last, strlen(last));
    }
    fputs(any ? "\n" : "not known\n", out);
}

/* ---- Memory, and the whole
 * ------------------------------------------------------------------------------------------------------------ */

static long meminfo_mib(const char *root, const char *name)
{
    char text[64];
    return value_of(root, "/proc/meminfo", name, text, sizeof text) ? atol(text) / 1024 : -1;
}

long board_free_mib(const char *root)
{
    return meminfo_mib(root, "MemAvailable");
}

long board_memory_mib(const char *root)
{
    return meminfo_mib(root, "MemTotal");
}

void board_print(FILE *out, const char *root)
{
    print_board(out, root);
    print_system(out, root);
    print_cpus(out, root);
    print_frequencies(out, root);
    if (board_memory_mib(root) < 0)
        print_line(out, "memory", "not known");
    else
        fprintf(out, "- memory: %ld MiB, %ld of them available\n", board_memory_mib(root), board_free_mib(root));
}

struct board_state board_look(const char *root)
{
    int is_count;
    const long throttled = host_throttled(root, &is_count);
    return (struct board_state){host_temperature(root), host_firmware_flags(root), is_count ? throttled : -1};
}

static void print_temperature(FILE *out, double degrees, const char *when)
{
    if (degrees < 0)
        fprintf(out, "not known %s", when);
    else
        fprintf(out, "%.1f C %s", degrees, when);
}

static void print_throttling(FILE *out, const struct board_state *s, const char *when)
{
    static const char *const names[] = {"under-voltage", "capped", "throttled", "soft temperature limit"};
    if (s->firmware >= 0) {
        fprintf(out, "0x%lx", (unsigned long)s->firmware);
        for (int i = 0; i < 4; i++) {
            if (s->firmware >> i & 1)
                fprintf(out, ", %s now", names[i]);
            if (s->firmware >> (16 + i) & 1)
                fprintf(out, ", %s since boot", names[i]);
        }
    } else if (s->throttles >= 0) {
        fprintf(out, "%ld times", s->throttles);
    } else {
        fputs("not known", out);
    }
    fprintf(out, " %s", when);
}

void board_print_states(FILE *out, const struct board_state *before, const struct board_state *after)
{
    fputs("- temperature: ", out);
    print_temperature(out, before->temperature, "before; ");
    print_temperature(out, after->temperature, "after");
    fputs("\n- throttling: ", out);
    print_throttling(out, before, "before; ");
    print_throttling(out, after, "after");
    putc('\n', out);
}
