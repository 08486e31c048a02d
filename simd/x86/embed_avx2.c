/* Adds a word's row and a position's with AVX2. They meet as pairs (a, b) of 16 bits, so that one pmaddwd by (mul_a,
   mul_b) is the sum; the shifted sum fits 16 bits, so that pmaddwd by (column, 0) is the product. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

void tern_embed_avx2(const int8_t *a, const int8_t *b, int mul_a, int mul_b, const int16_t *column, int32_t *out, int n)
{
    const __m256i muls = _mm256_set1_epi32(mul_b << 16 | mul_a);
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        __m128i x = _mm_loadl_epi64((const __m128i *)(a + j)), y = _mm_loadl_epi64((const __m128i *)(b + j));
        __m256i pairs = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(x, y));
        __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(pairs, muls), _mm256_set1_epi32(128));
        __m256i columns = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(column + j)));
        tern_store256(out + j, _mm256_madd_epi16(_mm256_srai_epi32(sum, 8), columns));
    }
    for (; j < n; j++)
        out[j] = tern_embed1(a[j], b[j], mul_a, mul_b, column[j]);
}
