/* Adds a word's row and a position's with SSE4.1, as embed_avx2.c does. */
#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/table.h"
#include "simd/x86/sse41.h"

/* Four columns of the pairs (a, b). */
static ALWAYS_INLINE void embed4(int32_t *out, __m128i pairs, __m128i columns, __m128i muls)
{
    const __m128i sum = _mm_add_epi32(_mm_madd_epi16(pairs, muls), _mm_set1_epi32(128));
    tern_store128(out, _mm_madd_epi16(_mm_srai_epi32(sum, 8), columns));
}

void tern_embed_sse41(const int8_t *a, const int8_t *b, int mul_a, int mul_b, const int16_t *column, int32_t *out,
                      int n)
{
    const __m128i muls = _mm_set1_epi32(mul_b << 16 | mul_a), zero = _mm_setzero_si128();
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        const __m128i x = _mm_loadl_epi64((const __m128i *)(a + j)), y = _mm_loadl_epi64((const __m128i *)(b + j));
        const __m128i bytes = _mm_unpacklo_epi8(x, y), columns = tern_load128(column + j);
        embed4(out + j, _mm_cvtepi8_epi16(bytes), _mm_unpacklo_epi16(columns, zero), muls);
        embed4(out + j + 4, _mm_srai_epi16(_mm_unpackhi_epi8(zero, bytes), 8), _mm_unpackhi_epi16(columns, zero), muls);
    }
    for (; j < n; j++)
        out[j] = tern_embed1(a[j], b[j], mul_a, mul_b, column[j]);
}
