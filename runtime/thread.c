#include "runtime/thread.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 256 };

/* Tasks are handed out one at a time from a counter, so uneven tasks balance; which thread runs a task never shows in
   the result. What differs between the two back ends is only how a function is run once on every thread. */
struct tern_pool {
    int threads;
    atomic_int next;
    void (*fn)(void *context, int task, int thread);
    void *context;
    int tasks;
    int may_spin, held; /* held: between tern_pool_begin and tern_pool_end */
    struct backend *backend;
};

static void work(struct tern_pool *pool, int thread)
{
    for (;;) {
        int task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (task >= pool->tasks)
            return;
        pool->fn(pool->context, task, thread);
    }
}

#ifdef TERN_WITH_PTHREADPOOL
#include "runtime/thread_pthreadpool.h"
#else
#include "runtime/thread_posix.h"
#endif

tern_status tern_pool_open(struct tern_pool **out, int threads, tern_error *err)
{
    *out = NULL;
    struct tern_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return tern_fail_nomem(err, "a thread pool", sizeof *pool);
    pool->threads = threads;
    if (threads > 1) {
        pool->may_spin = threads <= tern_threads_allowed();
        tern_status status = backend_open(pool, err);
        if (status) {
            free(pool);
            return status;
        }
    }
    *out = pool;
    return TERN_OK;
}

void tern_pool_close(struct tern_pool *pool)
{
    if (!pool)
        return;
    if (pool->backend)
        backend_close(pool->backend);
    free(pool);
}

int tern_pool_threads(const struct tern_pool *pool)
{
    return pool->threads;
}

void tern_pool_run(struct tern_pool *pool, void (*fn)(void *context, int task, int thread), void *context, int tasks)
{
    pool->fn = fn;
    pool->context = context;
    pool->tasks = tasks;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    if (pool->threads == 1 || tasks == 1)
        work(pool, 0);
    else
        backend_run(pool);
}

void tern_pool_begin(struct tern_pool *pool)
{
    pool->held = pool->may_spin;
}

void tern_pool_end(struct tern_pool *pool)
{
    if (pool->held)
        backend_sleep(pool);
    pool->held = 0;
}

/* CPUs that one cgroup's cpu.max allows, "QUOTA PERIOD" or "max PERIOD" in microseconds; 0 for no limit. */
static int cgroup_limit(const char *group)
{
    char path[512];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    long quota = 0, period = 0;
    int fields = fscanf(file, "%ld %ld", &quota, &period);
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0)
        return 0;
    long whole = (quota + period - 1) / period;
    return whole > MAX_THREADS ? MAX_THREADS : (int)whole;
}

/* The least of the limits of our cgroup (v2: the line "0::PATH" of /proc/self/cgroup) and all those above it. */
static int cgroup_limits(int allowed)
{
    char line[400], group[400] = "";
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "0::/", 4))
            snprintf(group, sizeof group, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    if (file)
        fclose(file);
    for (;;) {
        int limit = cgroup_limit(group);
        allowed = limit && limit < allowed ? limit : allowed;
        char *slash = strrchr(group, '/');
        if (!slash)
            return allowed;
        *slash = 0;
    }
}

int tern_threads_allowed(void)
{
    cpu_set_t set;
    int allowed = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    allowed = cgroup_limits(allowed);
    return allowed < 1 ? 1 : allowed > MAX_THREADS ? MAX_THREADS : allowed;
}
