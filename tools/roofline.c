/* Measures the most products and bytes per second that this machine can do, for `tern bench`. */
#include "tools/roofline.h"

#include "tools/cli.h"

#include "runtime/base/thread.h"
#include "simd/peak.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double budget_ms = 60; /* of one figure */

/* What every thread does at the same time: multiply on registers, or read its part of a buffer. */
struct work {
    struct tern_pool *pool;
    int threads;
    tern_peak_fn *peak;
    uint64_t rounds;
    const struct tern_ops *ops;
    const int16_t *x;
    int64_t bytes; /* of a thread's part */
    int passes;
    atomic_llong sink; /* products, or what was read */
};

/* The highest rate of several short runs: what others do on the machine only lowers it. */
static double run_ms(struct work *w, void (*fn)(void *, int, int))
{
    const double start = cli_now_ms();
    tern_pool_run(w->pool, fn, w, w->threads);
    return cli_now_ms() - start;
}

static void peak_task(void *context, int task, int thread)
{
    (void)task, (void)thread;
    struct work *w = context;
    atomic_fetch_add(&w->sink, (long long)w->peak(w->rounds));
}

static double peak_gops(struct work *w)
{
    double best = 0, start = cli_now_ms();
    w->rounds = 1000;
    while (cli_now_ms() - start < budget_ms) {
        atomic_store(&w->sink, 0);
        const double ms = run_ms(w, peak_task), gops = (double)atomic_load(&w->sink) * 2e-6 / ms;
        if (ms < 2)
            w->rounds *= 2;
        else
            best = gops > best ? gops : best;
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

enum { ROW = 2048 }; /* int16, of amax */

/* amax reads int16 and does next to nothing else, with the widest loads that the ISA has; its reference does more than
   read, so without a kernel 64-bit words are summed. */
static void read_task(void *context, int task, int thread)
{
    (void)thread;
    struct work *w = context;
    const int16_t *x = w->x + task * (w->bytes / 2);
    const int rows = (int)(w->bytes / (ROW * 2)), plain = w->ops->amax == tern_amax_ref;
    uint64_t sum = 0;
    for (int i = 0; i < w->passes; i++)
        sum += plain ? sum_words((const void *)x, w->bytes) : (uint64_t)w->ops->amax(x, ROW, rows, ROW);
    atomic_fetch_add(&w->sink, (long long)(sum & 1));
}

/* `bytes` of all threads together. */
static double read_gbs(struct work *w, int64_t bytes)
{
    double best = 0, start = cli_now_ms();
    w->bytes = bytes / w->threads / (ROW * 2) * (ROW * 2);
    w->passes = w->bytes < 8 << 20 ? (int)((8 << 20) / w->bytes) + 1 : 1;
    for (int run = 0; run < 3 || cli_now_ms() - start < budget_ms; run++) {
        const double gbs = (double)w->bytes * w->threads * w->passes * 1e-6 / run_ms(w, read_task);
        best = gbs > best ? gbs : best;
    }
    return best;
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
#ifdef _SC_LEVEL2_CACHE_SIZE /* musl's sysconf knows no caches */
    const long bytes = sysconf(level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE);
    if (bytes > 0)
        return bytes;
#endif
    return 0;
}

/* Half of a cache, so that it stays there whatever else needs room; four times the last cache for memory. Every thread
   has an L2 of its own, the rest is shared. */
static int measure_reads(struct roofline *r, struct work *w)
{
    const int64_t l2 = cache_bytes(2), l3 = cache_bytes(3);
    r->level_bytes[ROOFLINE_L2] = l2 ? l2 : 512 << 10; /* a Raspberry Pi 3's, where nothing says */
    r->level_bytes[ROOFLINE_L3] = l3;
    const int64_t last = l3 ? l3 : r->level_bytes[ROOFLINE_L2] * w->threads;
    r->level_bytes[ROOFLINE_MEMORY] = last * 4 < 256 << 20 ? last * 4 : 256 << 20;
    const size_t most = (size_t)r->level_bytes[ROOFLINE_MEMORY];
    int16_t *x = malloc(most);
    if (!x)
        return cli_nomem(most);
    memset(x, 1, most);
    w->x = x;
    for (int i = 0; i < ROOFLINE_LEVELS; i++) {
        int64_t bytes = i == ROOFLINE_MEMORY ? r->level_bytes[i] : r->level_bytes[i] / 2;
        bytes *= i == ROOFLINE_L2 ? w->threads : 1;
        if (bytes / w->threads >= ROW * 2 && bytes <= (int64_t)most)
            r->read_gbs[i] = read_gbs(w, bytes);
    }
    free(x);
    return CLI_OK;
}

int roofline_measure(struct roofline *r, unsigned features, int threads, int all)
{
    struct tern_ops ops;
    struct work w = {.threads = threads, .ops = &ops};
    tern_error err;
    tern_table_build(&ops, features);
    memset(r, 0, sizeof *r);
    r->threads = threads;
    if (tern_pool_open(&w.pool, threads, &err))
        return cli_status(&err);
    const enum tern_isa best = tern_table_isa(TERN_OP_gemm_s8, features);
    for (int i = 0; i < TERN_N_ISAS; i++) {
        const enum tern_isa isa = (enum tern_isa)i;
        w.peak = tern_peak_of(isa);
        if ((all || isa == best) && (tern_isa_needs(isa) & features) == tern_isa_needs(isa) && w.peak)
            r->peak_gops[i] = peak_gops(&w);
    }
    const int code = measure_reads(r, &w);
    tern_pool_close(w.pool);
    return code;
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
