/* Parameters of gemm_s8_512_template.h by vpdpbusd, which multiplies unsigned by signed bytes. The activations stay
   signed (the broadcast operand); the weights become unsigned by adding 128, that is by flipping their top bit, and
   each row's sum starts at -128 * (sum of the row's activations). All of it wraps modulo 2^32, so it is exact whenever
   the result fits. Included by gemm_s8_avx512vnni.c and gemm_s4_avx512vnni.c. */
#ifndef TERN_X86_PRODUCT_512_VNNI_H
#define TERN_X86_PRODUCT_512_VNNI_H

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

/* Four rows' sums, each in 16 parts: side by side, because one waits for its own last product. */
struct four_sums {
    __m512i s0, s1, s2, s3;
};
static ALWAYS_INLINE struct four_sums add_columns(struct four_sums s, const int8_t *const *row, int j, __mmask64 some)
{
    const __m512i ones = _mm512_set1_epi8(1);
    s.s0 = _mm512_dpbusd_epi32(s.s0, ones, _mm512_maskz_loadu_epi8(some, row[0] + j));
    s.s1 = _mm512_dpbusd_epi32(s.s1, ones, _mm512_maskz_loadu_epi8(some, row[1] + j));
    s.s2 = _mm512_dpbusd_epi32(s.s2, ones, _mm512_maskz_loadu_epi8(some, row[2] + j));
    s.s3 = _mm512_dpbusd_epi32(s.s3, ones, _mm512_maskz_loadu_epi8(some, row[3] + j));
    return s;
}

/* Two rows' sums, interleaved in 32-bit lanes or in 64-bit ones. */
static ALWAYS_INLINE __m512i join32(__m512i x, __m512i y)
{
    return _mm512_add_epi32(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y));
}
static ALWAYS_INLINE __m512i join64(__m512i x, __m512i y)
{
    return _mm512_add_epi32(_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
}

/* Four rows at a time, so that their sums are taken across lanes together; at the end the last row stands in. */
static void row_starts(int32_t *start, const int8_t *a, ptrdiff_t ld_a, int m, int k)
{
    const __m512i zero = _mm512_setzero_si512();
    for (int i = 0; i < m; i += 4, a += 4 * ld_a) {
        const int last = m - 1 - i;
        const int8_t *const row[4] = {a, a + (last < 1 ? last : 1) * ld_a, a + (last < 2 ? last : 2) * ld_a,
                                      a + (last < 3 ? last : 3) * ld_a};
        struct four_sums s = {zero, zero, zero, zero};
        int j = 0;
        for (; j + 64 <= k; j += 64)
            s = add_columns(s, row, j, ~(__mmask64)0);
        if (j < k)
            s = add_columns(s, row, j, tern_mask64(k - j));
        const __m512i rows = join64(join32(s.s0, s.s1), join32(s.s2, s.s3)); /* row r in lane r of every four */
        const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(rows), _mm512_extracti64x4_epi64(rows, 1));
        const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
        const __mmask8 some = (__mmask8)(last >= 3 ? 15 : (2 << last) - 1);
        /* -128 times; may wrap */
        _mm_mask_storeu_epi32(start + i, some, _mm_sub_epi32(_mm_setzero_si128(), _mm_slli_epi32(four, 7)));
    }
}

#endif
