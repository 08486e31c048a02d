/* The back end over POSIX threads, for builds without pthreadpool; part of thread.c. Workers sleep on a condition
   variable between runs, held or not; `round` tells a worker that a run it has not seen has begun. */
#include <pthread.h>

struct worker {
    struct tern_pool *pool;
    pthread_t thread;
    int index;
};

struct backend {
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    unsigned round;
    int busy, stop, started;
    struct worker workers[];
};

static void *worker_main(void *argument)
{
    struct worker *self = argument;
    struct backend *b = self->pool->backend;
    unsigned seen = 0;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (b->round == seen && !b->stop)
            pthread_cond_wait(&b->begin, &b->lock);
        if (b->stop)
            break;
        seen = b->round;
        pthread_mutex_unlock(&b->lock);
        work(self->pool, self->index);
        pthread_mutex_lock(&b->lock);
        if (--b->busy == 0)
            pthread_cond_signal(&b->end);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void backend_run(struct tern_pool *pool)
{
    struct backend *b = pool->backend;
    pthread_mutex_lock(&b->lock);
    b->busy = b->started;
    b->round++;
    pthread_cond_broadcast(&b->begin);
    pthread_mutex_unlock(&b->lock);
    work(pool, 0);
    pthread_mutex_lock(&b->lock);
    while (b->busy)
        pthread_cond_wait(&b->end, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void backend_sleep(struct tern_pool *pool)
{
    (void)pool; /* they do */
}

static void backend_close(struct backend *b)
{
    pthread_mutex_lock(&b->lock);
    b->stop = 1;
    pthread_cond_broadcast(&b->begin);
    pthread_mutex_unlock(&b->lock);
    for (int i = 0; i < b->started; i++)
        pthread_join(b->workers[i].thread, NULL);
    pthread_cond_destroy(&b->begin);
    pthread_cond_destroy(&b->end);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static tern_status backend_open(struct tern_pool *pool, tern_error *err)
{
    int extra = pool->threads - 1;
    struct backend *b = calloc(1, sizeof *b + (size_t)extra * sizeof b->workers[0]);
    if (!b)
        return tern_fail_nomem(err, "a thread pool", sizeof *b);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->begin, NULL);
    pthread_cond_init(&b->end, NULL);
    pool->backend = b;
    for (int i = 0; i < extra; i++) {
        b->workers[i] = (struct worker){.pool = pool, .index = i + 1};
        if (pthread_create(&b->workers[i].thread, NULL, worker_main, &b->workers[i])) {
            backend_close(b);
            pool->backend = NULL;
            return tern_fail(err, TERN_FAILED, "cannot start %d threads; ask for fewer", pool->threads);
        }
        b->started++;
    }
    return TERN_OK;
}
