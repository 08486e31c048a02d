/* A product of float matrices on all threads, for work on the host side. */
#ifndef TERN_THREADED_GEMM_H
#define TERN_THREADED_GEMM_H

#include "runtime/base/thread.h"
#include "simd/table.h"

/* Where host-side products run. */
struct tern_host {
    const struct tern_ops *ops;
    struct tern_pool *pool;
};

/* c[m][n] = a[m][k] times w[n][k] transposed; ld_a, ld_w and ld_c as in gemm_f32. */
struct tern_gemm_f32 {
    const float *a, *w;
    float *c;
    ptrdiff_t ld_a, ld_w, ld_c;
    int m, n, k;
    int symmetric; /* only c's diagonal and what is left of it is wanted; n = m */
};
/* The result does not depend on the threads. */
void tern_gemm_f32_run(const struct tern_host *host, const struct tern_gemm_f32 *gemm);

#endif
