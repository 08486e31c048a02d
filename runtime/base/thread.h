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
   Otherwise all do. has_shares: the pass can run in shares, too. */
void tern_pool_begin(struct tern_pool *pool, int64_t products, int has_shares);
void tern_pool_end(struct tern_pool *pool);
/* Into how many shares the rows of this pass should be divided, or a multiple of that: each then goes through all its
   stages on one thread, as a task. 0: the tasks of each stage should be shared instead. */
int tern_pool_shares(const struct tern_pool *pool);
/* Whether some of the CPUs are slower than others: tasks should then be small, so that all threads end together. */
int tern_pool_is_unequal(const struct tern_pool *pool);
/* For what runs inside of a task: a pool of that task's thread alone. */
struct tern_pool *tern_pool_alone(struct tern_pool *pool, int thread);
/* Threads that work now, the caller included: what the tasks of a run should be divided among. */
int tern_pool_width(const struct tern_pool *pool);

#endif
