/* oneDNN's sgemm, which packs and blocks by itself. It would bring OpenMP's threads into a task of our pool, so the
   calling thread's OpenMP is told to use one, and told back afterwards: that number belongs to the user's program. */
#include "simd/libraries.h"

#include <dnnl.h>
#include <string.h>

/* omp.h, which clang lacks without its own runtime. */
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);

int tern_onednn_within(unsigned features)
{
    const unsigned may = features & TERN_F_AVX512 ? dnnl_cpu_isa_avx512_core_vnni
                         : features & TERN_F_AVX2 ? dnnl_cpu_isa_avx2
                                                  : dnnl_cpu_isa_sse41;
    /* Refused once anything has run: then what is in force decides. VNNI, bf16 and AMX do not concern floats. */
    dnnl_set_max_cpu_isa((dnnl_cpu_isa_t)may);
    return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core & ~may) == 0;
}

void tern_gemm_f32_onednn(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, const float *bias, float *c,
                          ptrdiff_t ld_c, int m, int n, int k)
{
    const int threads = omp_get_max_threads();
    for (int i = 0; bias && i < m; i++)
        memcpy(c + i * ld_c, bias, (size_t)n * sizeof *c);
    if (threads != 1)
        omp_set_num_threads(1);
    const dnnl_status_t status = dnnl_sgemm('N', 'T', m, n, k, 1, a, ld_a, w, ld_w, bias ? 1 : 0, c, ld_c);
    if (threads != 1)
        omp_set_num_threads(threads);
    if (status != dnnl_success) /* out of memory */
        tern_gemm_f32_ref(a, ld_a, w, ld_w, bias, c, ld_c, m, n, k);
}
