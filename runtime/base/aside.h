/* Work that a second thread does while the caller goes on, and that the caller finishes where that thread is late. Base
 * layer.
 *
 * The work is a row of pieces. A piece is done by whoever holds the lock, so that only a thread that is at a piece can
 * be waited for: as with the pool (thread.h), never one that the kernel does not schedule.
 */
#ifndef TERN_ASIDE_H
#define TERN_ASIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct tern_aside {
    int (*step)(void *context); /* does the next piece, of microseconds; 0: that was the last */
    void *context;
    pthread_mutex_t lock;
    int done; /* under the lock */
    atomic_int wanted;
    int has_thread;
    pthread_t thread;
    pid_t process;
};

/* Begins the work. Where this thread may use one CPU only, where no thread can be started or with `shared` 0, all of it
   is left to tern_aside_finish. */
void tern_aside_begin(struct tern_aside *aside, int (*step)(void *context), void *context, int shared);
/* Returns when all pieces are done; from then on nobody touches the context. */
void tern_aside_finish(struct tern_aside *aside);
/* Ends the thread; pieces that are left stay undone. Accepts what was never begun, if it is all zeros. */
void tern_aside_close(struct tern_aside *aside);

#endif
