/* Threads: a pool whose caller never waits for a thread that the kernel does not schedule. Base layer.
 *
 * Work goes out in tasks from a counter. The calling thread takes tasks like the others ("helpers") and finishes all of
 * them if no helper comes, so only a helper that holds a task can be waited for. A thread that waits spins for some
 * microseconds, then sleeps in the kernel. Which thread runs a task never shows in the result.
 */
#ifndef TERN_THREAD_H
#define TERN_THREAD_H

#include "runtime/base/cpus.h"
#include "runtime/base/status.h"

#include <stdint.h>

struct tern_pool;

/* A pool of up to `threads` threads, 1 to TERN_MOST_THREADS, the caller's included; 0: tern_threads_allowed(), or as
   many of those as the system lets start. Errors: TERN_NOMEM, TERN_FAILED. */
tern_status tern_pool_open(struct tern_pool **out, int threads, tern_error *err);
/* Accepts NULL. */
void tern_pool_close(struct tern_pool *pool);
int tern_pool_threads(const struct tern_pool *pool);

/* Calls fn(context, task, thread) for every task in [0, tasks), on any thread in any order; thread is in
   [0, threads) and no two calls run at once with the same one. Returns when all are done. Allocates nothing. */
void tern_pool_run(struct tern_pool *pool, void (*fn)(void *context, int task, int thread), void *context, int tasks);

/* Between these two calls, which enclose a forward pass of `products` int8 multiply-adds or what takes as long, only as
   many threads work as pay: as many as lately found a CPU to run on, and one where passes of this size were faster so.
   Otherwise all do. */
void tern_pool_begin(struct tern_pool *pool, int64_t products);
void tern_pool_end(struct tern_pool *pool);
/* Threads that work now, the caller included: what the tasks of a run should be divided among. */
int tern_pool_width(const struct tern_pool *pool);

#endif
