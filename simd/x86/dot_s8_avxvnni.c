/* Multiplies one int8 vector by many with AVX-VNNI's vpdpbusd, whose first factor is unsigned. The rows become so by
   adding 128, so that -128 * (sum of q) is added to every sum; all of it wraps modulo 2^32. */
#ifndef __AVXVNNI__
#error "compile with -mavxvnni"
#endif
#include "simd/x86/int_256.h"

static ALWAYS_INLINE __m256i dot_add(__m256i sum, __m256i row, __m256i q)
{
    return _mm256_dpbusd_avx_epi32(sum, _mm256_xor_si256(row, _mm256_set1_epi8(-128)), q);
}

static ALWAYS_INLINE int32_t dot_start(const int8_t *q, int k)
{
    int32_t sum = 0;
    for (int j = 0; j < k; j++)
        sum += q[j];
    return (int32_t)(0u - 128u * (uint32_t)sum); /* modulo 2^32, as the sums */
}

#include "simd/x86/dot_template.h"

void tern_dot_s8_avxvnni(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    dot_rows(q, x, ld_x, out, n, k);
}
