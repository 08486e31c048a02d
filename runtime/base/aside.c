/* Runs a row of pieces on a second thread, until the caller wants the end of it. */
#include "runtime/base/aside.h"

#include "runtime/base/cpus.h"

#include <signal.h>
#include <unistd.h>

/* musl's own default is smaller than what a sanitizer wants, glibc's is 8 MB. */
enum { STACK_BYTES = 1 << 18 };

static void *thread_main(void *argument)
{
    struct tern_aside *const a = argument;
    int over = 0;
    while (!over) {
        pthread_mutex_lock(&a->lock);
        /* The mutex is not fair: without a look at `wanted` the caller might wait for many pieces. */
        over = a->done || atomic_load(&a->wanted);
        if (!over)
            a->done = !a->step(a->context);
        pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

/* The thread takes no signals: those are for the application's. */
static int start(struct tern_aside *a)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    a->process = getpid();
    const int failed = pthread_create(&a->thread, &attributes, thread_main, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return !failed;
}

void tern_aside_begin(struct tern_aside *a, int (*step)(void *context), void *context, int shared)
{
    a->step = step;
    a->context = context;
    a->done = 0;
    atomic_init(&a->wanted, 0);
    pthread_mutex_init(&a->lock, NULL);
    a->has_thread = shared && tern_cpus_affinity() > 1 && start(a);
}

void tern_aside_finish(struct tern_aside *a)
{
    atomic_store(&a->wanted, 1);
    pthread_mutex_lock(&a->lock);
    while (!a->done)
        a->done = !a->step(a->context);
    pthread_mutex_unlock(&a->lock);
}

void tern_aside_close(struct tern_aside *a)
{
    if (!a->step)
        return;
    atomic_store(&a->wanted, 1);
    /* A child of fork has none of its parent's other threads. */
    if (a->has_thread && a->process == getpid())
        pthread_join(a->thread, NULL);
    pthread_mutex_destroy(&a->lock);
    a->step = NULL;
}
