/* The pool of threads behind every forward pass. Sleeping and waking are Linux futexes, because the caller must be able
   to go on without a thread that it woke; pools that wait until every thread has checked in cannot do so. */
#include "runtime/base/thread.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    MICROSECOND = 1000,
    MILLISECOND = 1000 * MICROSECOND,
    /* A helper waits for the next stage of a pass so long before it sleeps. Stages of short texts take 2 to 20 us, and
       waking a sleeping thread costs the caller 2 to 5 us and the thread 5 to 60 until it runs. */
    SPIN = 50 * MICROSECOND,
    /* A thread that was woken and runs only after so long has waited for a CPU, not for its core to wake up. */
    LATE = 200 * MICROSECOND,
    /* A helper is judged by the last this long of its time awake. */
    WINDOW = 20 * MILLISECOND,
    /* After helpers found no CPU, one fewer is tried again so much later, twice as late each time it fails again. */
    SHORTEST_PAUSE = 16 * MILLISECOND,
    LONGEST_PAUSE = 1000 * MILLISECOND,
    /* Passes that take longer are shared without a trial: handing over is no part of their time. */
    LONG_PASS = 2 * MILLISECOND,
    /* Of passes of one size, so many in turn try each of the ways, then all others take the fastest. A trial is long
       enough for the helpers to be awake in its last passes. */
    TRIAL = 6,
    TRIAL_EVERY = 768,
    STACK_BYTES = 1 << 20
};

/* Sizes of passes: four classes per octave of products, from 2^16 to 2^40. */
enum { CLASSES = 96, FIRST_OCTAVE = 16, PER_OCTAVE = 4 };

/* How a pass runs: by the caller alone; each stage's tasks on all threads; some rows of all stages on each thread. */
enum way { ALONE, TASKS, SHARES, N_WAYS };

/* What passes of one size took each way: a running mean, 0 before the first; in ns per 2^20 products, so that the sizes
   of a class compare. */
struct rate {
    int64_t ns[N_WAYS];
    unsigned passes;
};

enum { ASLEEP, AWAKE };

struct helper {
    _Alignas(64) atomic_int state; /* ASLEEP or AWAKE; it sleeps on this */
    /* When the caller woke it, until it runs; then 0. */
    atomic_llong woken;
    /* ns since it started: awake, and of these kept from a CPU by other threads. */
    atomic_llong awake, lost;
    atomic_int rank; /* its place in the pool's order: the first take part */
    /* The caller's: at the window's start, and when `awake` last changed, by the clock and in passes since. */
    long long awake_before, lost_before, awake_seen, seen_at;
    int passes_since;
    struct tern_pool *pool;
    pthread_t thread;
    int index; /* 1 to threads - 1 */
};

struct tern_pool {
    int threads, started; /* helpers that were started */
    int limit;            /* the caller's: helpers that lately found a CPU */
    long long pause, retry_at, grown_at, ended_at;
    long long spin;
    pid_t process;
    uint32_t round;
    struct helper **order; /* [threads - 1] those that found no CPU last */
    struct rate *rate;     /* of the pass that runs; NULL when nothing is to be learned from it */
    enum way way;
    int64_t products;
    long long began;
    struct rate *rates;      /* [CLASSES] */
    struct helper *helpers;  /* [threads - 1], helper i is thread i + 1 */
    struct tern_pool *alone; /* [threads], of one thread each: what runs inside of a task of this pool */
    int thread;              /* the caller's */
    int unequal;             /* its CPUs differ in speed */

    /* The round in the upper 32 bits, the tasks that are left in the lower. A task is taken by compare-and-exchange of
       both: it succeeds only while the round goes on, and until it is over the caller changes none of what is read
       before. So a thread that comes late takes nothing. */
    _Alignas(64) _Atomic(uint64_t) ticket;
    void (*_Atomic fn)(void *context, int task, int thread);
    void *_Atomic context;
    _Atomic(uint32_t) tasks;
    atomic_int width; /* helpers that may take tasks: those of lower rank */
    atomic_int stop;

    _Alignas(64) _Atomic(uint32_t) done; /* tasks of this round that are finished; the caller sleeps on this */
    atomic_int caller_sleeps;
};

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

static long long clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Linux's operations on a futex of this process alone; musl comes without the kernel's headers. */
enum { WAIT_PRIVATE = 0 | 128, WAKE_PRIVATE = 1 | 128 };

/* Returns when woken, at once if *word is not `value`, or after `ns` unless that is 0. The system call's own time
   format is two longs, on 32-bit systems too. */
static void futex_wait(void *word, unsigned value, long ns)
{
    const long timeout[2] = {0, ns};
    syscall(SYS_futex, word, WAIT_PRIVATE, value, ns ? timeout : NULL, NULL, 0);
}

static void futex_wake(void *word)
{
    syscall(SYS_futex, word, WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

/* Whether a task is left for a helper, or the pool is to close. */
static int has_work(struct helper *h)
{
    struct tern_pool *pool = h->pool;
    return atomic_load(&pool->stop) ||
           ((uint32_t)atomic_load(&pool->ticket) && atomic_load_explicit(&h->rank, memory_order_relaxed) <
                                                        atomic_load_explicit(&pool->width, memory_order_relaxed));
}

/* ---- Working ---------------------------------------------------------------------------------------------------- */

/* Takes tasks until none is left. */
static void work(struct tern_pool *pool, int thread)
{
    uint64_t ticket = atomic_load(&pool->ticket);
    while ((uint32_t)ticket) {
        void (*fn)(void *, int, int) = atomic_load_explicit(&pool->fn, memory_order_relaxed);
        void *context = atomic_load_explicit(&pool->context, memory_order_relaxed);
        const uint32_t tasks = atomic_load_explicit(&pool->tasks, memory_order_relaxed);
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket - 1))
            continue;
        fn(context, (int)(tasks - (uint32_t)ticket), thread);
        if (atomic_fetch_add(&pool->done, 1) + 1 == tasks && atomic_load(&pool->caller_sleeps))
            futex_wake(&pool->done);
        ticket = atomic_load(&pool->ticket);
    }
}

/* A helper's account of its time: what of it the kernel gave to others. */
struct account {
    long long wall, cpu;
};

static struct account account_begin(void)
{
    return (struct account){clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_THREAD_CPUTIME_ID)};
}

static void account_end(struct helper *h, struct account *a)
{
    const struct account now = account_begin();
    const long long awake = now.wall - a->wall;
    atomic_fetch_add(&h->awake, awake);
    atomic_fetch_add(&h->lost, awake - (now.cpu - a->cpu));
    *a = now;
}

/* Sleeps until the caller wakes it. It is asleep before it looks for work a last time, and the caller hands work out
   before it looks who is asleep: one of the two sees the other. */
static void sleep_until_woken(struct helper *h)
{
    int asleep = ASLEEP;
    atomic_store(&h->state, ASLEEP);
    if (has_work(h) && atomic_compare_exchange_strong(&h->state, &asleep, AWAKE))
        return;
    while (atomic_load(&h->state) == ASLEEP)
        futex_wait(&h->state, ASLEEP, 0);
    const long long woken = atomic_exchange(&h->woken, 0), late = clock_ns(CLOCK_MONOTONIC) - woken;
    if (woken && late > LATE) {
        atomic_fetch_add(&h->awake, late);
        atomic_fetch_add(&h->lost, late);
    }
}

static void *helper_main(void *argument)
{
    struct helper *h = argument;
    struct tern_pool *pool = h->pool;
    struct account account = account_begin();
    while (!atomic_load(&pool->stop)) {
        if (has_work(h))
            work(pool, h->index);
        long long now = clock_ns(CLOCK_MONOTONIC);
        if (now - account.wall > MILLISECOND)
            account_end(h, &account);
        const long long until = now + pool->spin;
        for (int i = 0; !has_work(h) && now < until; i++) {
            relax();
            if (i % 16 == 0)
                now = clock_ns(CLOCK_MONOTONIC);
        }
        if (has_work(h))
            continue;
        account_end(h, &account);
        sleep_until_woken(h);
        account = account_begin();
    }
    return NULL;
}

static void wake(struct helper *h)
{
    if (atomic_load(&h->state) == AWAKE)
        return;
    atomic_store(&h->woken, clock_ns(CLOCK_MONOTONIC));
    if (atomic_exchange(&h->state, AWAKE) == ASLEEP)
        futex_wake(&h->state);
    else
        atomic_store(&h->woken, 0); /* it saw the work before it slept */
}

/* Until the tasks that helpers hold are finished. Asleep, the caller leaves its CPU to a helper that has none. It looks
   again after a while: a helper may lose its CPU between its last task and the call that wakes. */
static void wait_for_helpers(struct tern_pool *pool, uint32_t tasks)
{
    const long long until = clock_ns(CLOCK_MONOTONIC) + pool->spin;
    for (int i = 1; atomic_load(&pool->done) != tasks; i++) {
        relax();
        if (i % 16 == 0 && clock_ns(CLOCK_MONOTONIC) >= until)
            break;
    }
    uint32_t done = atomic_load(&pool->done);
    if (done == tasks)
        return;
    atomic_store(&pool->caller_sleeps, 1);
    while ((done = atomic_load(&pool->done)) != tasks)
        futex_wait(&pool->done, done, MILLISECOND);
    atomic_store(&pool->caller_sleeps, 0);
}

void tern_pool_run(struct tern_pool *pool, void (*fn)(void *context, int task, int thread), void *context, int tasks)
{
    const int width = atomic_load_explicit(&pool->width, memory_order_relaxed);
    if (width == 0 || tasks < 2) {
        for (int i = 0; i < tasks; i++)
            fn(context, i, pool->thread);
        return;
    }
    /* All tasks of the last round are finished and its ticket says that none is left, until this one's replaces it. */
    atomic_store_explicit(&pool->fn, fn, memory_order_relaxed);
    atomic_store_explicit(&pool->context, context, memory_order_relaxed);
    atomic_store_explicit(&pool->tasks, (uint32_t)tasks, memory_order_relaxed);
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_store(&pool->ticket, (uint64_t)++pool->round << 32 | (uint32_t)tasks);
    for (int i = 0; i < width && i < tasks - 1; i++)
        wake(pool->order[i]);
    work(pool, 0);
    wait_for_helpers(pool, (uint32_t)tasks);
}

/* ---- How many work ---------------------------------------------------------------------------------------------- */

/* Whether a helper that is awake has given no sign of life: it should have slept soon after the last pass, or kept its
   account while passes went on. */
static int is_stuck(struct tern_pool *pool, struct helper *h, long long awake, long long now)
{
    if (awake != h->awake_seen) {
        h->awake_seen = awake;
        h->seen_at = now;
        h->passes_since = 0;
    }
    return atomic_load(&h->state) == AWAKE &&
           (now - pool->ended_at > MILLISECOND || (++h->passes_since > 4 && now - h->seen_at > 5 * MILLISECOND));
}

/* Whether a helper was kept from a CPU for a quarter of the window, or was woken and still has none. */
static int finds_no_cpu(struct tern_pool *pool, struct helper *h, long long now)
{
    const long long lost_ever = atomic_load(&h->lost), awake_ever = atomic_load(&h->awake);
    const long long awake = awake_ever - h->awake_before, lost = lost_ever - h->lost_before;
    if (is_stuck(pool, h, awake_ever, now) || (lost > MILLISECOND / 2 && lost > awake / 4))
        return 1;
    if (awake > WINDOW) {
        h->awake_before = awake_ever;
        h->lost_before = lost_ever;
    }
    return 0;
}

static void new_window(struct helper *h, long long now)
{
    h->lost_before = atomic_load(&h->lost);
    h->awake_before = h->awake_seen = atomic_load(&h->awake);
    h->seen_at = now;
    h->passes_since = 0;
}

/* Puts the helper at a place of the order last. */
static void put_last(struct tern_pool *pool, int place)
{
    struct helper *h = pool->order[place];
    for (; place + 1 < pool->started; place++)
        pool->order[place] = pool->order[place + 1];
    pool->order[place] = h;
    for (int i = 0; i < pool->started; i++)
        atomic_store_explicit(&pool->order[i]->rank, i, memory_order_relaxed);
}

/* Takes away the helpers that find no CPU, and after a pause tries one more. As with congestion of a network, the load
   that others make is not known, only felt: so it works for any number of sessions and processes without a word
   between them. */
static void adapt(struct tern_pool *pool)
{
    const long long now = clock_ns(CLOCK_MONOTONIC);
    const int before = pool->limit;
    for (int i = pool->limit - 1; i >= 0; i--)
        if (finds_no_cpu(pool, pool->order[i], now)) {
            put_last(pool, i);
            pool->limit--;
        }
    if (pool->limit < before) {
        pool->pause = pool->pause * 2 > LONGEST_PAUSE ? LONGEST_PAUSE : pool->pause * 2;
        pool->retry_at = now + pool->pause;
        pool->grown_at = LLONG_MAX;
        for (int i = 0; i < pool->limit; i++)
            new_window(pool->order[i], now);
    } else if (pool->limit < pool->started && now >= pool->retry_at) {
        new_window(pool->order[pool->limit++], now);
        pool->grown_at = now;
        pool->retry_at = now + pool->pause;
    } else if (pool->grown_at < now - LONGEST_PAUSE / 4) { /* the last one found its CPU */
        pool->pause = SHORTEST_PAUSE / 2;
    }
}

/* The class of a pass, NULL for the longest. */
static struct rate *rate_of(struct tern_pool *pool, int64_t products)
{
    int octave = FIRST_OCTAVE;
    while (octave < FIRST_OCTAVE + CLASSES / PER_OCTAVE && products >> (octave + 1))
        octave++;
    if (octave == FIRST_OCTAVE + CLASSES / PER_OCTAVE)
        return NULL;
    const int quarter = (int)(products >> (octave - 2) & 3);
    return &pool->rates[(octave - FIRST_OCTAVE) * PER_OCTAVE + quarter];
}

/* How a pass of this size should run. What handing over costs depends on how far apart the CPUs' caches are, which even
   changes while a virtual machine runs; so it is measured, pass by pass: at first all ways take turns, then the fastest
   is taken, and now and then each of the others is tried again. */
static enum way choose_way(struct rate *r, int64_t products, int can_share)
{
    enum way ways[N_WAYS], best = TASKS;
    int n_ways = 0;
    if (can_share)
        ways[n_ways++] = SHARES;
    ways[n_ways++] = TASKS;
    const int64_t shared = r->ns[SHARES] ? r->ns[SHARES] : r->ns[TASKS];
    if ((shared * (products >> 10)) >> 10 <= LONG_PASS)
        ways[n_ways++] = ALONE;
    const unsigned n = r->passes++, turn = (n < TRIAL_EVERY ? n : n % TRIAL_EVERY) / TRIAL;
    if (n < (unsigned)(n_ways * TRIAL))
        return ways[turn];
    if (can_share && r->ns[SHARES] && (!r->ns[TASKS] || r->ns[SHARES] < r->ns[TASKS]))
        best = SHARES;
    if (ways[n_ways - 1] == ALONE && r->ns[best] >= r->ns[ALONE] - r->ns[ALONE] / 16)
        best = ALONE; /* sharing must gain what its CPU time is worth */
    return n >= TRIAL_EVERY && turn < (unsigned)n_ways ? ways[turn] : best;
}

static void learn(struct tern_pool *pool, long long took)
{
    int64_t *mean = &pool->rate->ns[pool->way];
    if (took > LONGEST_PAUSE) /* the process was stopped, or its file is being read */
        return;
    const int64_t ns = (took << 20) / (pool->products ? pool->products : 1);
    /* Down at once, up slowly: passes are never too fast, but slow the first time and when others need the CPU. */
    if (!*mean || ns < *mean)
        *mean = ns;
    else
        *mean += ((ns > 2 * *mean ? 2 * *mean : ns) - *mean) / 16;
}

/* ---- Opening and closing ---------------------------------------------------------------------------------------- */

/* Helpers take no signals: those are for the application's threads. */
static int start_helpers(struct tern_pool *pool)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pool->process = getpid();
    int failed = 0;
    for (pool->started = 0; pool->started < pool->threads - 1 && !failed; pool->started += !failed) {
        struct helper *h = &pool->helpers[pool->started];
        *h = (struct helper){.pool = pool, .index = pool->started + 1, .rank = pool->started, .state = AWAKE};
        pool->order[pool->started] = h;
        failed = pthread_create(&h->thread, &attributes, helper_main, h);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

/* A child of fork has none of its parent's other threads: it gets its own, as many as can be had. */
static void restart_after_fork(struct tern_pool *pool)
{
    if (pool->threads > 1 && pool->process != getpid()) {
        start_helpers(pool);
        pool->ended_at = clock_ns(CLOCK_MONOTONIC); /* new helpers have not been late */
        pool->limit = pool->limit > pool->started ? pool->started : pool->limit;
    }
}

/* As many helpers as have an idle CPU at first. Threads of the whole machine are counted as running, and where this
   process may use only some of its CPUs, they are taken to be spread evenly. */
static int idle_helpers(const struct tern_pool *pool, const struct tern_cpus *cpus)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int running = online > cpus->allowed ? (int)(cpus->running * (int64_t)cpus->allowed / online) : cpus->running;
    const int idle = cpus->allowed - 1 - running;
    return idle < 0 ? 0 : idle < pool->started ? idle : pool->started;
}

tern_status tern_pool_open(struct tern_pool **out, int asked, tern_error *err)
{
    *out = NULL;
    struct tern_pool *pool = aligned_alloc(_Alignof(struct tern_pool), sizeof *pool);
    if (!pool)
        return tern_fail_nomem(err, "a thread pool", sizeof *pool);
    struct tern_cpus cpus = {.allowed = 1};
    if (asked != 1) /* it reads files, and one thread does not ask */
        cpus = tern_cpus_look("");
    const int threads = asked ? asked : cpus.allowed;
    *pool = (struct tern_pool){.threads = threads, .pause = SHORTEST_PAUSE / 2};
    if (threads > 1) {
        const size_t bytes = (size_t)(threads - 1) * sizeof *pool->helpers;
        pool->spin = threads <= cpus.allowed ? SPIN : 0;
        pool->unequal = cpus.unequal;
        pool->helpers = aligned_alloc(_Alignof(struct helper), bytes);
        pool->order = malloc((size_t)(threads - 1) * sizeof *pool->order);
        pool->rates = calloc(CLASSES, sizeof *pool->rates);
        pool->alone = aligned_alloc(_Alignof(struct tern_pool), (size_t)threads * sizeof *pool->alone);
        for (int i = 0; pool->alone && i < threads; i++)
            pool->alone[i] = (struct tern_pool){.threads = 1, .thread = i};
        const int failed = !pool->helpers || !pool->order || !pool->rates || !pool->alone ? -1 : start_helpers(pool);
        if (failed < 0 || (failed && asked)) {
            tern_pool_close(pool);
            return failed < 0 ? tern_fail_nomem(err, "a thread pool", bytes)
                              : tern_fail(err, TERN_FAILED, "cannot start %d threads; ask for fewer", threads);
        }
        pool->threads = pool->started + 1; /* where a sandbox forbids threads, the caller does all */
        pool->limit = idle_helpers(pool, &cpus);
        pool->retry_at = clock_ns(CLOCK_MONOTONIC) + pool->pause;
    }
    tern_pool_end(pool);
    *out = pool;
    return TERN_OK;
}

void tern_pool_close(struct tern_pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, 1);
    if (pool->process == getpid())
        for (int i = 0; i < pool->started; i++) {
            wake(&pool->helpers[i]);
            pthread_join(pool->helpers[i].thread, NULL);
        }
    free(pool->alone);
    free(pool->rates);
    free(pool->order);
    free(pool->helpers);
    free(pool);
}

int tern_pool_threads(const struct tern_pool *pool)
{
    return pool->threads;
}

int tern_pool_width(const struct tern_pool *pool)
{
    return 1 + atomic_load_explicit(&pool->width, memory_order_relaxed);
}

int tern_pool_is_unequal(const struct tern_pool *pool)
{
    return pool->unequal;
}

int tern_pool_shares(const struct tern_pool *pool)
{
    return pool->way == SHARES ? tern_pool_width(pool) : 0;
}

struct tern_pool *tern_pool_alone(struct tern_pool *pool, int thread)
{
    return &pool->alone[thread];
}

void tern_pool_begin(struct tern_pool *pool, int64_t products, int has_shares)
{
    restart_after_fork(pool);
    pool->rate = NULL;
    pool->way = TASKS;
    adapt(pool);
    int width = pool->limit;
    if (width && (pool->rate = rate_of(pool, products))) {
        /* Shares are of one size: each thread needs a CPU, and none may be slow. */
        pool->way = choose_way(pool->rate, products, has_shares && !pool->unequal && width == pool->threads - 1);
        width = pool->way == ALONE ? 0 : width;
        pool->products = products;
        pool->began = clock_ns(CLOCK_MONOTONIC);
    }
    atomic_store(&pool->width, width);
}

void tern_pool_end(struct tern_pool *pool)
{
    pool->ended_at = clock_ns(CLOCK_MONOTONIC);
    if (pool->rate)
        learn(pool, pool->ended_at - pool->began);
    pool->rate = NULL;
    pool->way = TASKS;
    atomic_store(&pool->width, pool->started);
}
