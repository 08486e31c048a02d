/* libxsmm's compiled kernels for one shape each. Its lanes are columns and it reads no transposed matrix there, so w is
   transposed first, a strip of STRIP floats at a time. What it compiled it keeps and finds again by shape. */
#include "simd/libraries.h"

#include <libxsmm.h>
#include <string.h>

enum { STRIP = 16 * 1024 };

int tern_libxsmm_within(unsigned features)
{
    const int may = features & TERN_F_AVX512 ? LIBXSMM_X86_AVX512_CORE : LIBXSMM_X86_AVX2;
    if (!(features & TERN_F_AVX2))
        return 0;
    libxsmm_init();
    /* It never goes up again: another table of this process may rely on less. */
    if (libxsmm_get_target_archid() > may)
        libxsmm_set_target_archid(may);
    return libxsmm_get_target_archid() <= may;
}

/* c[m][n] += a[m][k] times w[n][k]; 0 when libxsmm has no kernel for it. */
static int strip(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, float *c, ptrdiff_t ld_c, int m, int n,
                 int k, float beta)
{
    _Alignas(64) float turned[STRIP];
    const libxsmm_blasint from_a = (libxsmm_blasint)ld_a, from_w = n, to = (libxsmm_blasint)ld_c;
    const int flags = LIBXSMM_GEMM_FLAG_NONE, ahead = LIBXSMM_PREFETCH_NONE;
    const float alpha = 1;
    const libxsmm_smmfunction kernel =
        libxsmm_smmdispatch(n, m, k, &from_w, &from_a, &to, &alpha, &beta, &flags, &ahead);
    if (!kernel)
        return 0;
    libxsmm_otrans(turned, w, sizeof *w, k, n, (libxsmm_blasint)ld_w, n);
    kernel(turned, a, c);
    return 1;
}

void tern_gemm_f32_libxsmm(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, const float *bias, float *c,
                           ptrdiff_t ld_c, int m, int n, int k)
{
    for (int i = 0; bias && i < m; i++)
        memcpy(c + i * ld_c, bias, (size_t)n * sizeof *c);
    for (int j = 0, columns; j < n; j += columns) {
        columns = n - j < 64 ? n - j : 64;
        for (int l = 0, depth; l < k; l += depth) {
            depth = k - l < STRIP / 64 ? k - l : STRIP / 64;
            if (!strip(a + l, ld_a, w + j * ld_w + l, ld_w, c + j, ld_c, m, columns, depth, bias || l ? 1 : 0)) {
                tern_gemm_f32_ref(a, ld_a, w, ld_w, bias, c, ld_c, m, n, k);
                return;
            }
        }
    }
}
