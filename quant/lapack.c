/* Loads LAPACK at run time, for second-order methods alone. */
#include "quant/lapack.h"

#include <stddef.h>

#ifdef TERN_STATIC
int tern_lapack_open(struct tern_lapack *out)
{
    *out = (struct tern_lapack){0};
    return -1;
}

void tern_lapack_close(struct tern_lapack *lapack)
{
    (void)lapack;
}
#else
#include <dlfcn.h>

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

int tern_lapack_open(struct tern_lapack *out)
{
    *out = (struct tern_lapack){.factor = factor, .invert = invert, .add_moments = add_moments};
    out->handle = dlopen("liblapack.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!out->handle)
        return -1;
    if (look_up(out->handle, "dpotrf_", &out->potrf) || look_up(out->handle, "dpotri_", &out->potri) ||
        look_up(out->handle, "ssyrk_", &out->syrk)) {
        tern_lapack_close(out);
        return -1;
    }
    return 0;
}

void tern_lapack_close(struct tern_lapack *lapack)
{
    if (lapack->handle)
        dlclose(lapack->handle);
    lapack->handle = NULL;
}
#endif
