/* Int8 GEMM with vpdpbusd, which multiplies unsigned by signed bytes. The activations stay signed (the broadcast
   operand); the weights become unsigned by adding 128, that is by flipping their top bit, and each row's sum starts at
   -128 * (sum of the row's activations). All of it wraps modulo 2^32, so it is exact whenever the result fits.

   The flip costs 1 instruction in 13; flipping a pair of panels once into a buffer in L1, for all rows to read, costs
   more than it saves (both measured on a Xeon with two 512-bit ports). */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

struct weights {
    __m512i flipped;
};

static ALWAYS_INLINE struct weights weights_of(__m512i b)
{
    struct weights w = {_mm512_xor_si512(b, _mm512_set1_epi8(-128))};
    return w;
}

static ALWAYS_INLINE __m512i add_product(__m512i sum, struct weights w, __m512i x)
{
    return _mm512_dpbusd_epi32(sum, w.flipped, x);
}

static void row_starts(int32_t *start, const int8_t *a, ptrdiff_t ld_a, int m, int k)
{
    const __m512i ones = _mm512_set1_epi8(1);
    const __mmask64 rest = tern_mask64(k % 64);
    for (int i = 0; i < m; i++, a += ld_a) {
        __m512i sum = _mm512_setzero_si512();
        int j = 0;
        for (; j + 64 <= k; j += 64)
            sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(a + j));
        if (rest)
            sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(rest, a + j));
        start[i] = (int32_t)(0u - 128u * (uint32_t)_mm512_reduce_add_epi32(sum)); /* may wrap */
    }
}

#include "simd/x86/gemm_s8_avx512.h"

void tern_gemm_s8_avx512vnni(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                             int panels, int k4)
{
    gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4);
}
