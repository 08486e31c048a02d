/* Adds a word's row and a position's with AVX-512BW. They meet as pairs (a, b) of 16 bits, so that one pmaddwd by
   (mul_a, mul_b) is the sum; the shifted sum fits 16 bits, so that pmaddwd by (column, 0) is the product. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE __m512i embed16(__m128i a, __m128i b, __m256i column, __m512i muls)
{
    __m512i low = _mm512_and_si512(_mm512_cvtepi8_epi32(a), _mm512_set1_epi32(0xFFFF));
    __m512i pairs = _mm512_or_si512(low, _mm512_slli_epi32(_mm512_cvtepi8_epi32(b), 16));
    __m512i sum = _mm512_add_epi32(_mm512_madd_epi16(pairs, muls), _mm512_set1_epi32(128));
    return _mm512_madd_epi16(_mm512_srai_epi32(sum, 8), _mm512_cvtepi16_epi32(column));
}

void tern_embed_avx512bw(const int8_t *a, const int8_t *b, int mul_a, int mul_b, const int16_t *column, int32_t *out,
                         int n)
{
    const __m512i muls = _mm512_set1_epi32(mul_b << 16 | mul_a);
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(a + j)), y = _mm_loadu_si128((const __m128i *)(b + j));
        _mm512_storeu_si512(out + j, embed16(x, y, _mm256_loadu_si256((const __m256i *)(column + j)), muls));
    }
    if (j < n) {
        const __mmask16 rest = tern_mask16(n - j);
        __m128i x = _mm_maskz_loadu_epi8(rest, a + j), y = _mm_maskz_loadu_epi8(rest, b + j);
        _mm512_mask_storeu_epi32(out + j, rest, embed16(x, y, _mm256_maskz_loadu_epi16(rest, column + j), muls));
    }
}
