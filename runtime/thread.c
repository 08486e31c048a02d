#include "runtime/thread.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Tasks are handed out one at a time from a counter, so uneven tasks balance; which thread runs a task never shows in
   the result. What differs between the two back ends is only how a function is run once on every thread. */
struct tern_pool {
    int threads;
    atomic_int next;
    void (*fn)(void *context, int task, int thread);
    void *context;
    int tasks;
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

/* "QUOTA PERIOD" or "max PERIOD" in microseconds (Linux, cgroup-v2, cpu.max); 0 when there is no limit to be read. */
static int cgroup_limit(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    long quota = 0, period = 0;
    int fields = fscanf(file, "%ld %ld", &quota, &period);
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0)
        return 0;
    long whole = (quota + period - 1) / period;
    return whole > 256 ? 256 : (int)whole;
}

int tern_threads_allowed(void)
{
    cpu_set_t set;
    int allowed = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    int limit = cgroup_limit();
    if (limit && limit < allowed)
        allowed = limit;
    return allowed < 1 ? 1 : allowed > 256 ? 256 : allowed;
}
