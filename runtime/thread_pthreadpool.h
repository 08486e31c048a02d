/* The back end over pthreadpool; part of thread.c. */
#include <pthread.h>
#include <pthreadpool.h>

static void enter(void *pool, size_t thread)
{
    work(pool, (int)thread);
}

/* Workers that are not held wait in the kernel (YIELD) rather than spin: on boards, spinning costs battery and heat. */
static void backend_run(struct tern_pool *pool)
{
    pthreadpool_parallelize_1d((pthreadpool_t)pool->backend, enter, pool, (size_t)pool->threads,
                               pool->held ? 0 : PTHREADPOOL_FLAG_YIELD_WORKERS);
}

/* pthreadpool sends workers to sleep after a run only, so this is one with nothing to do. */
static void backend_sleep(struct tern_pool *pool)
{
    pool->held = 0;
    tern_pool_run(pool, NULL, NULL, 0);
}

static void backend_close(struct backend *backend)
{
    pthreadpool_destroy((pthreadpool_t)backend);
}

/* A thread that lives until the gate opens. */
static void *wait_at_gate(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Whether so many threads can live at once. pthreadpool_create (2021) ignores what pthread_create returns and then
   waits for ever for workers that never came, so it is asked only after a rehearsal. */
static int threads_can_start(int count)
{
    pthread_t started[MAX_THREADS];
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    int n = 0;
    pthread_mutex_lock(&gate);
    while (n < count && pthread_create(&started[n], NULL, wait_at_gate, &gate) == 0)
        n++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < n; i++)
        pthread_join(started[i], NULL);
    pthread_mutex_destroy(&gate);
    return n == count;
}

static tern_status backend_open(struct tern_pool *pool, tern_error *err)
{
    if (!threads_can_start(pool->threads - 1))
        return tern_fail(err, TERN_FAILED, "cannot start %d threads; ask for fewer", pool->threads);
    pthreadpool_t created = pthreadpool_create((size_t)pool->threads);
    if (!created)
        return tern_fail(err, TERN_NOMEM, "cannot start %d threads", pool->threads);
    pool->backend = (struct backend *)created;
    return TERN_OK;
}
