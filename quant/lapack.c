/* Loads LAPACK at run time, for second-order methods alone. */
#include "quant/lapack.h"

#include <stddef.h>

#ifdef TERN_STATIC
int tern_lapack_open(struct tern_lapack *out)
{
    *out = (struct tern_lapack){0};
    return -1;
}
#else
#include "runtime/base/cpus.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

/* The Fortran interfaces; behind the arguments stand the lengths of the strings. */
typedef void potr_fn(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
typedef void syrk_fn(const char *uplo, const char *trans, const int *n, const int *k, const float *alpha,
                     const float *a, const int *lda, const float *beta, float *c, const int *ldc, size_t, size_t);

static int factor(const struct tern_lapack *l, char triangle, int n, double *a)
{
    int info = 0;
    ((potr_fn *)l->potrf)(&triangle, &n, a, &n, &info, 1);
    return info;
}

static int invert(const struct tern_lapack *l, char triangle, int n, double *a)
{
    int info = 0;
    ((potr_fn *)l->potri)(&triangle, &n, a, &n, &info, 1);
    return info;
}

static void add_moments(const struct tern_lapack *l, int n, int k, const float *x, float *c)
{
    const char upper = 'U', plain = 'N';
    const float one = 1;
    ((syrk_fn *)l->syrk)(&upper, &plain, &n, &k, &one, x, &n, &one, c, &n, 1, 1);
}

/* POSIX has function pointers fit into void *; ISO C knows no such conversion. */
static int look_up(void *handle, const char *name, void (**out)(void))
{
    *(void **)out = dlsym(handle, name);
    return *out ? 0 : -1;
}

/* ---- Loading. OpenBLAS starts a thread for each other CPU that its loader's thread may use, at once or (OpenMP's) at
   its first large product, and ends the process where it cannot. ---- */

static void *wait_at(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Whether this process may have n threads more, all at the same time. */
static int can_start(int n)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[TERN_MOST_THREADS];
    int started = 0;
    pthread_mutex_lock(&gate);
    while (started < n && started < TERN_MOST_THREADS && !pthread_create(&threads[started], NULL, wait_at, &gate))
        started++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return started >= n || started == TERN_MOST_THREADS;
}

static void *load(void)
{
    return dlopen("liblapack.so.3", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

/* A library that sees one CPU starts no thread. NULL also where this thread may not be bound to one. */
static void *load_for_one_cpu(void)
{
    cpu_set_t before[8], one[8]; /* up to 8192 CPUs, Linux's own limit */
    size_t cpu = 0;
    CPU_ZERO_S(sizeof before, before);
    CPU_ZERO_S(sizeof one, one);
    if (sched_getaffinity(0, sizeof before, before))
        return NULL;
    while (cpu + 1 < 8 * sizeof before && !CPU_ISSET_S(cpu, sizeof before, before))
        cpu++;
    CPU_SET_S(cpu, sizeof one, one);
    if (sched_setaffinity(0, sizeof one, one))
        return NULL;
    void *handle = load();
    (void)sched_setaffinity(0, sizeof before, before);
    return handle;
}

int tern_lapack_open(struct tern_lapack *out)
{
    *out = (struct tern_lapack){.factor = factor, .invert = invert, .add_moments = add_moments};
    void *handle = can_start(tern_cpus_look("").affinity - 1) ? load() : load_for_one_cpu();
    if (!handle)
        return -1;
    const int missing = look_up(handle, "dpotrf_", &out->potrf) || look_up(handle, "dpotri_", &out->potri) ||
                        look_up(handle, "ssyrk_", &out->syrk);
    dlclose(handle); /* gives the handle back; by RTLD_NODELETE the code stays */
    return missing ? -1 : 0;
}
#endif
