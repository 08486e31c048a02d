/* The back end over pthreadpool; part of thread.c. */
#include <pthreadpool.h>

static void enter(void *pool, size_t thread)
{
    work(pool, (int)thread);
}

/* The pool's workers wait in the kernel rather than spin (YIELD): on boards, spinning costs battery and heat. */
static void backend_run(struct tern_pool *pool)
{
    pthreadpool_parallelize_1d((pthreadpool_t)pool->backend, enter, pool, (size_t)pool->threads,
                               PTHREADPOOL_FLAG_YIELD_WORKERS);
}

static void backend_close(struct backend *backend)
{
    pthreadpool_destroy((pthreadpool_t)backend);
}

static tern_status backend_open(struct tern_pool *pool, tern_error *err)
{
    pthreadpool_t created = pthreadpool_create((size_t)pool->threads);
    if (!created)
        return tern_fail(err, TERN_NOMEM, "cannot start %d threads", pool->threads);
    pool->backend = (struct backend *)created;
    return TERN_OK;
}
