/* Threads: a pool with one call. Over pthreadpool, or over POSIX threads where it is not built in. Base layer. */
#ifndef TERN_THREAD_H
#define TERN_THREAD_H

#include "runtime/status.h"

struct tern_pool;

/* A pool of `threads` >= 1 threads, the caller's included. Errors: TERN_NOMEM, TERN_FAILED. */
tern_status tern_pool_open(struct tern_pool **out, int threads, tern_error *err);
/* Accepts NULL. */
void tern_pool_close(struct tern_pool *pool);
int tern_pool_threads(const struct tern_pool *pool);

/* Calls fn(context, task, thread) for every task in [0, tasks), on any thread in any order; thread is in
   [0, threads) and no two calls run at once with the same one. Returns when all are done. Allocates nothing. */
void tern_pool_run(struct tern_pool *pool, void (*fn)(void *context, int task, int thread), void *context, int tasks);

/* Between these two calls a thread that has nothing to do stays awake, so that the next tern_pool_run finds it: waking
   one takes longer than a layer's product of a short text (x86: 4 to 9 us). After tern_pool_end all sleep in the
   kernel. A pool of more threads than tern_threads_allowed() sleeps always: its threads would wait in the way of those
   that work. */
void tern_pool_begin(struct tern_pool *pool);
void tern_pool_end(struct tern_pool *pool);

/* As many threads as the affinity mask and the cgroup's CPU quota allow, at least 1. */
int tern_threads_allowed(void);

#endif
