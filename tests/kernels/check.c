/* Runs one op's reference and a kernel on the same buffers between guard pages, and compares or times them. */
#include "tests/kernels/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The largest buffer: gemm_s8's weights at K = 3072, N = 768, with room for its longest exact sum. */
enum { CAPACITY = 4 << 20, MARGIN = 256, SHOWN = 4, GIVE_UP = 12 };

/* Where a buffer lies: its end against the upper guard, its start against the lower one, or in between at an address
   that is a multiple of its element and of nothing more. */
enum place { AT_END, AT_START, ASKEW, N_PLACES };
static const char *const place_names[] = {"end at guard", "start at guard", "unaligned"};

void check_group(struct check *t, const char *name)
{
    if (t->group && t->group_cases) {
        if (t->group_failures)
            t->failed++;
        else
            t->passed++;
    }
    t->group = name;
    t->group_cases = t->group_failures = 0;
    if (name)
        t->rng = rng_seeded(t->seed, name);
}

static void complain(struct check *t, const char *what, const char *format, va_list args)
{
    if (++t->group_failures > SHOWN)
        return;
    printf("FAIL %s %s [%s] ", t->op, t->isa, t->group);
    vprintf(format, args);
    printf("%s%s\n", *what ? ": " : "", what);
    if (t->group_failures == SHOWN)
        printf("FAIL %s %s [%s] (more are not shown)\n", t->op, t->isa, t->group);
    fflush(stdout);
}

void check_that(struct check *t, int condition, const char *format, ...)
{
    if (condition)
        return;
    va_list args;
    va_start(args, format);
    complain(t, "", format, args);
    va_end(args);
}

/* A byte of noise that depends on where it is only, so that a copy shifted by some bytes does not look untouched. */
static void noise(uint8_t *p, size_t n, uint32_t salt)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(((uint32_t)i + salt) * 2654435761u >> 24);
}

static void *grow(void)
{
    void *p = malloc(CAPACITY);
    if (!p) {
        fprintf(stderr, "kernels: no memory for %d bytes\n", CAPACITY);
        exit(1);
    }
    return p;
}

void *check_buf(struct check *t, int i, const char *name, enum check_kind kind, size_t element, int rows, int n,
                ptrdiff_t ld)
{
    struct check_buf *b = &t->buf[i];
    b->name = name;
    b->kind = kind;
    b->element = element;
    b->rows = (size_t)rows;
    b->n = (size_t)n;
    b->ld = (size_t)ld;
    b->bytes = ((b->rows - 1) * b->ld + b->n) * element;
    if (i >= t->bufs)
        t->bufs = i + 1;
    if (b->bytes > CAPACITY - 4 * MARGIN) {
        fprintf(stderr, "kernels: %s's %s needs %zu bytes, limit %d\n", t->op, name, b->bytes, CAPACITY - 4 * MARGIN);
        exit(1);
    }
    if (!b->master) {
        b->master = grow();
        b->expect = grow();
        if (guard_open(&b->guard, CAPACITY)) {
            perror("kernels: mmap");
            exit(1);
        }
    }
    if (kind != CHECK_IN || ld > n)
        noise(b->master, b->bytes, (uint32_t)rng_next(&t->rng));
    return b->master;
}

const char *check_fill_name(enum check_fill fill)
{
    static const char *const names[] = {"min",       "max",   "alternate", "one-hot", "last",  "zero",
                                        "same-rows", "edges", "small",     "peaked",  "random"};
    return names[fill];
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static int64_t edge(struct rng *r, int64_t lo, int64_t hi)
{
    int64_t v;
    switch (rng_next(r) >> 61) {
    case 0: v = lo + (int64_t)(rng_next(r) >> 63); break;
    case 1: v = hi - (int64_t)(rng_next(r) >> 63); break;
    case 2: v = 0; break;
    default: v = ((int64_t)1 << rng_between(r, 0, 31)) + rng_between(r, -1, 1);
    }
    return clamp(rng_next(r) >> 63 ? v : -v, lo, hi);
}

static int64_t value(struct rng *r, enum check_fill fill, size_t i, size_t j, size_t hot, int64_t row, int64_t lo,
                     int64_t hi)
{
    switch (fill) {
    case FILL_MIN: return lo;
    case FILL_MAX: return hi;
    case FILL_ALTERNATE: return (i + j) & 1 ? hi : lo;
    case FILL_ONE_HOT:
    case FILL_LAST: return j == hot ? row : clamp(0, lo, hi);
    case FILL_ROWS: return row;
    case FILL_EDGES: return edge(r, lo, hi);
    case FILL_SMALL: return clamp(rng_between(r, -3, 3), lo, hi);
    case FILL_PEAKED: {
        const int64_t part = rng_between(r, 0, 23) ? 5 : 1;
        return clamp(rng_between(r, lo / part, hi / part), lo, hi);
    }
    case FILL_RANDOM: return rng_between(r, lo, hi);
    default: return clamp(0, lo, hi);
    }
}

void check_fill(struct check *t, int i, enum check_fill fill, int64_t lo, int64_t hi)
{
    struct check_buf *b = &t->buf[i];
    for (size_t r = 0; r < b->rows; r++) {
        int one_hot = fill == FILL_ONE_HOT || fill == FILL_LAST;
        int64_t row = one_hot ? (rng_next(&t->rng) >> 63 ? lo : hi) : rng_between(&t->rng, lo, hi);
        size_t hot = fill == FILL_LAST ? b->n - 1 : (size_t)rng_between(&t->rng, 0, (int64_t)b->n - 1);
        for (size_t j = 0; j < b->n; j++) {
            int64_t v = value(&t->rng, fill, r, j, hot, row, lo, hi);
            size_t at = r * b->ld + j;
            if (b->element == 1)
                ((int8_t *)b->master)[at] = (int8_t)v;
            else if (b->element == 2)
                ((int16_t *)(void *)b->master)[at] = (int16_t)v;
            else
                ((int32_t *)(void *)b->master)[at] = (int32_t)v;
        }
    }
}

/* ---- Running. ------------------------------------------------------------------------------------------------- */

struct job {
    check_call *call;
    check_fn *fn;
    const void *args;
    void *p[CHECK_BUFS];
    long repeat;
};

static void run_job(void *arg)
{
    const struct job *j = arg;
    for (long i = 0; i < j->repeat; i++)
        j->call(j->fn, j->p, j->args);
}

/* Puts a buffer at its place, margins of noise around it as far as the guards leave room. An output holds the opposite
   of what it must hold after the call: an element that was not written cannot look right. */
static void put(struct check_buf *b, enum place place)
{
    if (place == AT_END)
        b->at = b->guard.high - b->bytes;
    else if (place == AT_START)
        b->at = b->guard.low;
    else
        b->at = b->guard.low + MARGIN + b->element;
    if (place != AT_START)
        noise(b->at - MARGIN, MARGIN, 1);
    if (place != AT_END)
        noise(b->at + b->bytes, MARGIN, 2);
    memcpy(b->at, b->master, b->bytes);
    if (b->kind != CHECK_OUT)
        return;
    for (size_t r = 0; r < b->rows; r++) {
        size_t row = r * b->ld * b->element;
        for (size_t k = 0; k < b->n * b->element; k++)
            b->at[row + k] = (uint8_t)~b->expect[row + k];
    }
}

static int margin_broken(const uint8_t *p, uint32_t salt)
{
    uint8_t want[MARGIN];
    noise(want, MARGIN, salt);
    return memcmp(p, want, MARGIN) != 0;
}

static long long element_at(const struct check_buf *b, const uint8_t *p)
{
    if (b->element == 1)
        return *(const int8_t *)p;
    if (b->element == 2)
        return *(const int16_t *)(const void *)p;
    return *(const int32_t *)(const void *)p;
}

/* Says in `why` what is wrong with a buffer after the call; 0 when nothing is. */
static int wrong(struct check *t, const struct check_buf *b, enum place place, const void *args, char *why, size_t size)
{
    if (place != AT_START && margin_broken(b->at - MARGIN, 1))
        return snprintf(why, size, "%s: written before its start (%s)", b->name, place_names[place]);
    if (place != AT_END && margin_broken(b->at + b->bytes, 2))
        return snprintf(why, size, "%s: written beyond its end (%s)", b->name, place_names[place]);
    if (b->kind == CHECK_SCRATCH)
        return 0;
    if (b->kind == CHECK_IN)
        return memcmp(b->at, b->master, b->bytes) ? snprintf(why, size, "%s: an input was changed", b->name) : 0;
    if (!t->near && memcmp(b->at, b->expect, b->bytes) == 0)
        return 0;
    for (size_t r = 0; r < b->rows; r++) {
        for (size_t j = 0; j < (r + 1 < b->rows ? b->ld : b->n); j++) {
            const uint8_t *got = b->at + (r * b->ld + j) * b->element;
            const uint8_t *want = b->expect + (r * b->ld + j) * b->element;
            if (j < b->n && t->near ? t->near(args, r, j, got) : memcmp(got, want, b->element) == 0)
                continue;
            if (j >= b->n)
                return snprintf(why, size, "%s[%zu][%zu], in the gap between rows, was written", b->name, r, j);
            if (t->near)
                return snprintf(why, size, "%s[%zu][%zu] is %.9g, the reference gives %.9g (%s)", b->name, r, j,
                                (double)*(const float *)(const void *)got, (double)*(const float *)(const void *)want,
                                place_names[place]);
            return snprintf(why, size, "%s[%zu][%zu] is %lld, must be %lld (%s)", b->name, r, j, element_at(b, got),
                            element_at(b, want), place_names[place]);
        }
    }
    return 0;
}

/* Which buffer a fault belongs to, by the nearest end. */
static void explain(const struct check *t, struct guard_fault f, enum place place, char *why, size_t size)
{
    const char *name = guard_signal_name(f.signal);
    for (int i = 0; i < t->bufs; i++) {
        const struct check_buf *b = &t->buf[i];
        if (f.address >= b->guard.high && f.address < b->guard.high + 65536) {
            snprintf(why, size, "%s %td bytes past the end of %s (%s)", name, f.address - (b->at + b->bytes), b->name,
                     place_names[place]);
            return;
        }
        if (f.address < b->guard.low && f.address >= b->guard.low - 65536) {
            snprintf(why, size, "%s %td bytes before the start of %s (%s)", name, b->at - f.address, b->name,
                     place_names[place]);
            return;
        }
    }
    /* x86 gives no address for an aligned load or store of an unaligned pointer. */
    snprintf(why, size, "%s at %p (%s)%s", name, (void *)f.address, place_names[place],
             f.signal == SIGSEGV && !f.address ? ", perhaps an access that demands alignment" : "");
}

static void place_all(struct check *t, struct job *job, enum place place)
{
    for (int i = 0; i < t->bufs; i++) {
        put(&t->buf[i], place);
        job->p[i] = t->buf[i].at;
    }
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Nanoseconds of one call: the least of several runs of at least 20 us each, for 30 ms or three runs. */
static double time_job(struct job *job)
{
    double best = 0, start = now();
    job->repeat = 1;
    for (int runs = 0; runs < 3 || now() - start < 3e7;) {
        double from = now();
        run_job(job);
        double ns = now() - from;
        if (ns < 2e4 && job->repeat < 1 << 20) {
            job->repeat *= 2;
            continue;
        }
        ns /= (double)job->repeat;
        best = runs++ == 0 || ns < best ? ns : best;
    }
    return best;
}

static void run_bench(struct check *t, struct job *job, const char *format, va_list args)
{
    char label[120];
    vsnprintf(label, sizeof label, format, args);
    /* The sizes come first; what the values are hardly matters here. */
    static const char *const rest[] = {" ld=", " fill=", " amax"};
    for (int i = 0; i < 3; i++)
        if (strstr(label, rest[i]))
            *strstr(label, rest[i]) = 0;
    /* Vector-aligned, and apart within a page: buffers at equal offsets would slow each other's loads and stores. */
    for (int i = 0; i < t->bufs; i++) {
        put(&t->buf[i], AT_START);
        job->p[i] = memmove(t->buf[i].at + i * 13 * 64, t->buf[i].at, t->buf[i].bytes);
    }
    job->fn = t->ref;
    double ref = time_job(job);
    job->fn = t->fn;
    double ns = t->fn == t->ref ? ref : time_job(job);
    if (t->work_gops)
        printf("%-12s %-11s %-25s %12.0f ns %9.2f GOP/s   %7.2fx\n", t->op, t->isa, label, ns, t->work / ns, ref / ns);
    else
        printf("%-12s %-11s %-25s %12.1f ns %9.3f ns/elem %7.2fx\n", t->op, t->isa, label, ns, ns / t->work, ref / ns);
    fflush(stdout);
}

static int run_case(struct check *t, struct job *job, char *why, size_t size)
{
    /* The reference first, on plain copies; inputs are read where the test made them. */
    for (int i = 0; i < t->bufs; i++) {
        struct check_buf *b = &t->buf[i];
        memcpy(b->expect, b->master, b->bytes);
        job->p[i] = b->expect;
    }
    struct guard_fault fault = guard_call(run_job, job);
    if (fault.signal) {
        snprintf(why, size, "%s in the reference", guard_signal_name(fault.signal));
        return 0;
    }
    job->fn = t->fn;
    for (int place = 0; place < N_PLACES; place++) {
        place_all(t, job, (enum place)place);
        fault = guard_call(run_job, job);
        if (fault.signal) {
            explain(t, fault, (enum place)place, why, size);
            return 0;
        }
        for (int i = 0; i < t->bufs; i++)
            if (wrong(t, &t->buf[i], (enum place)place, job->args, why, size))
                return 0;
    }
    return 1;
}

int check_run(struct check *t, check_call *call, const void *args, const char *format, ...)
{
    char why[200] = "";
    struct job job = {.call = call, .fn = t->ref, .args = args, .repeat = 1};
    va_list list;
    va_start(list, format);
    int ok = 1;
    if (t->bench) {
        run_bench(t, &job, format, list);
    } else if (t->group_failures >= GIVE_UP) {
        ok = 0;
    } else {
        t->cases++;
        t->group_cases++;
        ok = run_case(t, &job, why, sizeof why);
        if (!ok)
            complain(t, why, format, list);
    }
    va_end(list);
    /* The next case declares its own; their memory stays. */
    t->bufs = 0;
    return ok;
}

const void *check_expected(const struct check *t, int i)
{
    return t->buf[i].expect;
}

/* ---- Sizes and parameters. ------------------------------------------------------------------------------------- */

int check_size(const struct check *t, int k, int tail, int wide)
{
    static const int few[] = {1,  2,  3,  4,  5,  7,  8,  9,  15,  16,  17,  22, 26,
                              31, 32, 33, 47, 63, 64, 65, 66, 127, 128, 129, 130};
    static const int widths[] = {256, 264, 312, 768, 3072}, tokens[] = {128, 384, 512};
    const int n_wide = wide ? 5 : 3;
    int n_tail = tail;
    if (t->quick)
        for (n_tail = 0; n_tail < (int)(sizeof few / sizeof *few) && few[n_tail] <= tail;)
            n_tail++;
    if (k < n_tail)
        return t->quick ? few[k] : k + 1;
    k -= n_tail;
    if (k >= n_wide)
        return 0;
    return wide ? widths[k] : tokens[k];
}

int check_param(struct check *t, int lo, int hi)
{
    if (t->bench)
        return lo;
    switch (rng_next(&t->rng) >> 62) {
    case 0: return lo;
    case 1: return hi;
    default: return (int)rng_between(&t->rng, lo, hi);
    }
}
