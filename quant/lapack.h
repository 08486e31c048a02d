/* The few routines of BLAS and LAPACK that second-order quantisation needs, from liblapack.so.3 (Debian: liblapack3, or
   libopenblas0 in its place), looked up when they are first wanted: a program that only runs models neither needs nor
   loads it. */
#ifndef TERN_LAPACK_H
#define TERN_LAPACK_H

/* Column-major; `triangle` is 'U' or 'L'. */
struct tern_lapack {
    /* Cholesky factor in place: 0, or the order of the minor that is not positive. */
    int (*factor)(const struct tern_lapack *lapack, char triangle, int n, double *a);
    /* From that factor the inverse's triangle, in place. */
    int (*invert)(const struct tern_lapack *lapack, char triangle, int n, double *a);
    /* Upper triangle of c[n][n] += x x^T, x[n][k] with its columns one after the other. */
    void (*add_moments)(const struct tern_lapack *lapack, int n, int k, const float *x, float *c);
    void (*potrf)(void), (*potri)(void), (*syrk)(void);
};

/* 0, or -1 when the library or a routine is missing (or in a static program). Where the process may not start as many
   threads as there are CPUs, the library is made to use one, or left out where that cannot be. What was loaded stays
   loaded: LAPACK brings Fortran's run-time libraries, one of which extends printf, so that unloading them would leave
   printf with pointers to code that is gone. */
int tern_lapack_open(struct tern_lapack *out);

#endif
