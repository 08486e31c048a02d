/* What Linux tells about the machine while it is measured. A figure that it does not tell stays negative. `root` is put
   in front of the paths that are read: "" but in tests. */
#ifndef TERN_HOST_H
#define TERN_HOST_H

#include <stddef.h>
#include <stdint.h>

/* The first line of a small file, without its end; 0 when there is none. */
int host_read_line(const char *root, const char *path, char *out, size_t capacity);
/* The CPU's name as /proc/cpuinfo or the device tree has it; "unknown" if neither does. */
void host_cpu_name(char *out, size_t capacity);
/* The present frequency of the core that this thread runs on, MHz. */
double host_mhz(void);
/* The highest of all thermal zones, degrees Celsius. */
double host_temperature(const char *root);
/* The flags of the Raspberry Pi's firmware, as `vcgencmd get_throttled` prints them. Bits 0 to 3 are the present
   (under-voltage, capped, throttled, soft limit), bits 16 to 19 the same since boot. */
long host_firmware_flags(const char *root);
/* How often cores were slowed down for heat since boot (x86), or the Raspberry Pi firmware's state (1: throttled or
   under-voltage now). *is_count says which. */
long host_throttled(const char *root, int *is_count);
/* 1 when the frequency governor is known not to be "performance". */
int host_governor_saves(void);
/* The peak of the resident memory in KiB since the last reset, or since the start where Linux does not reset it. */
long host_peak_rss_kib(void);
void host_reset_peak_rss(void);

/* What this process cost the system. */
struct host_usage {
    int64_t page_faults;  /* pages that were asked for and were not mapped yet */
    int64_t from_storage; /* of these, the ones that waited for storage */
    int64_t bytes_read;   /* from storage, for this process, ahead of what was asked for too */
};
/* Since its start. */
struct host_usage host_usage(void);
/* Adds what came between `from` and `to`. */
void host_usage_add(struct host_usage *sum, const struct host_usage *from, const struct host_usage *to);

#endif
