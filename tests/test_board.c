/* What `tern bench --report` says of a board: folders that look like a Raspberry Pi, a board with two clusters, a PC
   and nothing at all. */
/* SOURCES: tools/board.c tools/host.c tools/cli.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CORE(n, part)                                                                                                  \
    "processor\t: " #n "\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\n"                          \
    "CPU part\t: " part "\nCPU revision\t: 3\n\n"
#define CPUFREQ "/sys/devices/system/cpu/cpufreq/"

struct file {
    const char *name, *text;
};

static const struct file pi4[] = {
    {"/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4"},
    {"/proc/cpuinfo",
     CORE(0, "0xd08") CORE(1, "0xd08") CORE(2, "0xd08") CORE(
         3, "0xd08") "Hardware\t: BCM2835\nSerial\t\t: 10000000deadbeef\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"},
    {"/proc/meminfo", "MemTotal:        3884480 kB\nMemFree:          100000 kB\nMemAvailable:    3500032 kB\n"},
    {"/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"},
    {"/etc/hostname", "deadbeef\n"},
    {CPUFREQ "policy0/scaling_governor", "ondemand\n"},
    {CPUFREQ "policy0/scaling_min_freq", "600000\n"},
    {CPUFREQ "policy0/scaling_max_freq", "1500000\n"},
    {CPUFREQ "policy0/related_cpus", "0 1 2 3\n"},
    {"/sys/class/thermal/thermal_zone0/temp", "48200\n"},
    {"/sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n"},
    {0}};

static const struct file clusters[] = {
    {"/proc/device-tree/model", "Some Board"},
    {"/proc/cpuinfo", CORE(0, "0xd03") CORE(1, "0xd03") CORE(4, "0xd08")},
    {CPUFREQ "policy0/scaling_governor", "schedutil\n"},
    {CPUFREQ "policy0/scaling_min_freq", "408000\n"},
    {CPUFREQ "policy0/scaling_max_freq", "1416000\n"},
    {CPUFREQ "policy0/related_cpus", "0 1\n"},
    {CPUFREQ "policy4/scaling_governor", "schedutil\n"},
    {CPUFREQ "policy4/scaling_min_freq", "408000\n"},
    {CPUFREQ "policy4/scaling_max_freq", "1800000\n"},
    {CPUFREQ "policy4/related_cpus", "4\n"},
    /* as on a Pi 5, where the bus has an address */
    {"/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "e0008\n"},
    {0}};

#define X86(n)                                                                                                         \
    "processor\t: " #n "\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 122\n"                                \
    "model name\t: Intel(R) Celeron(R) J4125 CPU @ 2.00GHz\nstepping\t: 8\n\n"
static const struct file pc[] = {{"/sys/class/dmi/id/sys_vendor", "AZW\n"},
                                 {"/sys/class/dmi/id/product_name", "T5\n"},
                                 {"/sys/class/dmi/id/board_vendor", "AZW\n"},
                                 {"/sys/class/dmi/id/board_name", "GK41\n"},
                                 {"/sys/class/dmi/id/product_serial", "deadbeef\n"},
                                 {"/proc/cpuinfo", X86(0) X86(1)},
                                 {"/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "3\n"},
                                 {"/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "4\n"},
                                 {0}};

static const struct file nothing[] = {{0}};

static void write_file(const char *root, const struct file *f)
{
    char path[400];
    snprintf(path, sizeof path, "%s%s", root, f->name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(path, 0700);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(f->text, file);
    fclose(file);
}

/* The lines of a folder that holds the files, with the board's state twice: the caller frees them. */
static char *lines_of(const struct file *files)
{
    char root[] = "/tmp/tern_board_XXXXXX", command[100], *text = NULL;
    size_t bytes;
    assert_non_null(mkdtemp(root));
    for (const struct file *f = files; f->name; f++)
        write_file(root, f);
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    board_print(out, root);
    const struct board_state state = board_look(root);
    board_print_states(out, &state, &state);
    fclose(out);
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
    assert_null(strstr(text, "deadbeef"));
    return text;
}

/* Each of the lines is there, whole. */
static void check(const struct file *files, const char *const *lines)
{
    char *const text = lines_of(files);
    for (; *lines; lines++) {
        const char *const at = strstr(text, *lines);
        if (!at || at[strlen(*lines)] != '\n' || (at > text && at[-1] != '\n'))
            fail_msg("no line '%s' in\n%s", *lines, text);
    }
    free(text);
}

static void test_boards(void **state)
{
    (void)state;
    char system_line[128];
    snprintf(system_line, sizeof system_line, "- system: Debian GNU/Linux 12 (bookworm), programs of %d bits",
             (int)(8 * sizeof(void *)));
    check(pi4,
          (const char *const[]){
              "- board: Raspberry Pi 4 Model B Rev 1.4", system_line,
              "- CPUs: 4 x Cortex-A72 r0p3 (implementer 0x41, part 0xd08)",
              "- frequency: 4 x ondemand, 600 to 1500 MHz", "- memory: 3793 MiB, 3418 of them available",
              "- temperature: 48.2 C before; 48.2 C after",
              "- throttling: 0x50005, under-voltage now, under-voltage since boot, throttled now, throttled since boot "
              "before; 0x50005, under-voltage now, under-voltage since boot, throttled now, throttled since boot after",
              NULL});
    check(clusters, (const char *const[]){
                        "- board: Some Board",
                        "- CPUs: 2 x Cortex-A53 r0p3 (implementer 0x41, part 0xd03) + "
                        "1 x Cortex-A72 r0p3 (implementer 0x41, part 0xd08)",
                        "- frequency: 2 x schedutil, 408 to 1416 MHz + 1 x schedutil, 408 to 1800 MHz",
                        "- throttling: 0xe0008, capped since boot, throttled since boot, soft temperature limit now, "
                        "soft temperature limit since boot before; 0xe0008, capped since boot, throttled since boot, "
                        "soft temperature limit now, soft temperature limit since boot after",
                        NULL});
    check(pc,
          (const char *const[]){"- board: AZW T5 GK41",
                                "- CPUs: 2 x Intel(R) Celeron(R) J4125 CPU @ 2.00GHz (family 6, model 122, stepping 8)",
                                "- throttling: 7 times before; 7 times after", NULL});
    check(nothing, (const char *const[]){"- board: not known", "- CPUs: not known", "- frequency: not known",
                                         "- memory: not known", "- temperature: not known before; not known after",
                                         "- throttling: not known before; not known after", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_boards)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
