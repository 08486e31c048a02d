#include "tools/roofline.h"

#include "tools/cli.h"

#include "simd/peak.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double budget_ms = 60; /* of one figure */

/* The highest rate of several short runs: what others do on the machine only lowers it. */
static double peak_gops(tern_peak_fn *peak)
{
    double best = 0, start = cli_now_ms();
    uint64_t n = 1000;
    while (cli_now_ms() - start < budget_ms) {
        const double before = cli_now_ms();
        const uint64_t products = peak(n);
        const double ms = cli_now_ms() - before;
        if (ms < 1)
            n *= 2;
        else if ((double)products * 2e-6 / ms > best)
            best = (double)products * 2e-6 / ms;
    }
    return best;
}

/* Four sums, so that no addition waits for another. */
static uint64_t sum_words(const uint64_t *x, int64_t bytes)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (int64_t i = 0; i + 4 <= bytes / 8; i += 4) {
        a += x[i];
        b += x[i + 1];
        c += x[i + 2];
        d += x[i + 3];
    }
    return a + b + c + d;
}

/* amax reads int16 and does next to nothing else, with the widest loads that the ISA has; its reference does more than
   read, so without a kernel 64-bit words are summed. */
static double read_gbs(const struct tern_ops *ops, const int16_t *x, int64_t bytes)
{
    enum { ROW = 2048 };
    const int rows = (int)(bytes / (ROW * 2)), plain = ops->amax == tern_amax_ref;
    double best = 0, start = cli_now_ms();
    uint64_t sink = 0;
    for (int run = 0; run < 3 || cli_now_ms() - start < budget_ms; run++) {
        int passes = bytes < 8 << 20 ? (int)((8 << 20) / bytes) + 1 : 1;
        const double before = cli_now_ms();
        for (int i = 0; i < passes; i++)
            sink += plain ? sum_words((const void *)x, bytes) : (uint64_t)ops->amax(x, ROW, rows, ROW);
        const double gbs = (double)rows * ROW * 2 * passes * 1e-6 / (cli_now_ms() - before);
        best = gbs > best ? gbs : best;
    }
    return sink ? best : 0;
}

/* The size of this CPU's cache at a level, in bytes; 0 when nothing says. sysconf takes CPUID's word, which inside a
   virtual machine may be that of the whole socket; /sys knows what belongs together. */
static int64_t cache_bytes(int level)
{
    for (int i = 0; i < 8; i++) {
        char path[96], text[32] = "";
        int found = 0, kib = 0;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
        FILE *file = fopen(path, "re");
        found = file && fgets(text, sizeof text, file) && atoi(text) == level;
        if (file)
            fclose(file);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        file = found ? fopen(path, "re") : NULL;
        if (file && fgets(text, sizeof text, file))
            kib = atoi(text);
        if (file)
            fclose(file);
        if (kib > 0)
            return (int64_t)kib << 10;
    }
    const long bytes = sysconf(level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE);
    return bytes > 0 ? bytes : 0;
}

/* Half of a cache, so that it stays there whatever else needs room; four times the last cache for memory. */
static int measure_reads(struct roofline *r, const struct tern_ops *ops)
{
    const int64_t l2 = cache_bytes(2), l3 = cache_bytes(3);
    r->level_bytes[ROOFLINE_L2] = l2 ? l2 : 512 << 10; /* a Raspberry Pi 3's, where nothing says */
    r->level_bytes[ROOFLINE_L3] = l3;
    const int64_t last = l3 ? l3 : r->level_bytes[ROOFLINE_L2];
    r->level_bytes[ROOFLINE_MEMORY] = last * 4 < 256 << 20 ? last * 4 : 256 << 20;
    const size_t most = (size_t)r->level_bytes[ROOFLINE_MEMORY];
    int16_t *x = malloc(most);
    if (!x)
        return cli_nomem();
    memset(x, 1, most);
    for (int i = 0; i < ROOFLINE_LEVELS; i++) {
        int64_t bytes = i == ROOFLINE_MEMORY ? r->level_bytes[i] : r->level_bytes[i] / 2;
        r->read_gbs[i] = bytes >= 1 << 16 ? read_gbs(ops, x, bytes) : 0;
    }
    free(x);
    return CLI_OK;
}

int roofline_measure(struct roofline *r, unsigned features, int all)
{
    struct tern_ops ops;
    tern_table_build(&ops, features);
    memset(r, 0, sizeof *r);
    const enum tern_isa best = tern_table_isa(TERN_OP_gemm_s8, features);
    for (int i = 0; i < TERN_N_ISAS; i++) {
        const enum tern_isa isa = (enum tern_isa)i;
        if ((all || isa == best) && (tern_isa_needs(isa) & features) == tern_isa_needs(isa) && tern_peak_of(isa))
            r->peak_gops[i] = peak_gops(tern_peak_of(isa));
    }
    return measure_reads(r, &ops);
}

enum roofline_level roofline_level_of(const struct roofline *r, int64_t bytes)
{
    for (int i = 0; i < ROOFLINE_MEMORY; i++)
        if (bytes <= r->level_bytes[i])
            return (enum roofline_level)i;
    return ROOFLINE_MEMORY;
}

const char *roofline_level_name(enum roofline_level level)
{
    static const char *const names[] = {"L2", "L3", "memory"};
    return names[level];
}
