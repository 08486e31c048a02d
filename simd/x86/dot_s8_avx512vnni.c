/* Multiplies one int8 vector by many with AVX-512 VNNI's vpdpbusd, whose first factor is unsigned. The rows become so
   by adding 128, so that -128 * (sum of q) is added to every sum; all of it wraps modulo 2^32. Four rows share the
   loads of q, and their sums are taken across lanes together; of the last one to three rows the last stands in for
   those that are not there. Without VNNI 512 bits are no faster than AVX2 (Zen 4). */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE int32_t start(const int8_t *q, int k)
{
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    int j = 0;
    for (; j + 64 <= k; j += 64)
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(q + j));
    if (j < k)
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(tern_mask64(k - j), q + j));
    return (int32_t)(0u - 128u * (uint32_t)_mm512_reduce_add_epi32(sum)); /* modulo 2^32, as the sums */
}

struct dots {
    __m512i s0, s1, s2, s3;
};

static ALWAYS_INLINE __m512i product(__m512i sum, __m512i row, __m512i q)
{
    return _mm512_dpbusd_epi32(sum, _mm512_xor_si512(row, _mm512_set1_epi8(-128)), q);
}

static ALWAYS_INLINE struct dots columns(struct dots s, const int8_t *q, const int8_t *const *row, int j,
                                         __mmask64 some)
{
    const __m512i x = _mm512_maskz_loadu_epi8(some, q + j);
    s.s0 = product(s.s0, _mm512_maskz_loadu_epi8(some, row[0] + j), x);
    s.s1 = product(s.s1, _mm512_maskz_loadu_epi8(some, row[1] + j), x);
    s.s2 = product(s.s2, _mm512_maskz_loadu_epi8(some, row[2] + j), x);
    s.s3 = product(s.s3, _mm512_maskz_loadu_epi8(some, row[3] + j), x);
    return s;
}

static ALWAYS_INLINE __m512i join32(__m512i x, __m512i y)
{
    return _mm512_add_epi32(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y));
}

static ALWAYS_INLINE __m128i total(struct dots s)
{
    const __m512i a = join32(s.s0, s.s1), b = join32(s.s2, s.s3);
    const __m512i rows = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(rows), _mm512_extracti64x4_epi64(rows, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

void tern_dot_s8_avx512vnni(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m128i from = _mm_set1_epi32(start(q, k));
    for (int i = 0; i < n; i += 4, x += 4 * ld_x) {
        const int last = n - 1 - i;
        const int8_t *const row[4] = {x, x + (last < 1 ? last : 1) * ld_x, x + (last < 2 ? last : 2) * ld_x,
                                      x + (last < 3 ? last : 3) * ld_x};
        struct dots s = {zero, zero, zero, zero};
        int j = 0;
        for (; j + 64 <= k; j += 64)
            s = columns(s, q, row, j, ~(__mmask64)0);
        if (j < k)
            s = columns(s, q, row, j, tern_mask64(k - j));
        const __mmask8 some = (__mmask8)(last >= 3 ? 15 : (2 << last) - 1);
        _mm_mask_storeu_epi32(out + i, some, _mm_add_epi32(total(s), from));
    }
}
