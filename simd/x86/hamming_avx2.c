/* Counts differing bits with AVX2: pshufb looks up the bits of each nibble (W. Mula), psadbw adds the counts of eight
   bytes. Four rows share the loads of q, and their sums are taken across lanes together. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

/* Four sums of the bits in which 32 bytes differ. */
static ALWAYS_INLINE __m256i count(__m256i sum, __m256i q, __m256i x)
{
    const __m256i bits = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, /* and again */
                                          0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15), d = _mm256_xor_si256(q, x);
    const __m256i a = _mm256_shuffle_epi8(bits, _mm256_and_si256(d, low));
    const __m256i b = _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(d, 4), low));
    return _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_add_epi8(a, b), _mm256_setzero_si256()));
}

/* Sixteen bytes, and sixteen of 0. */
static ALWAYS_INLINE __m256i half(const uint8_t *x)
{
    return _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)x));
}

/* The rest of a row, of less than 16 bytes: bits by halves, words by words. */
static ALWAYS_INLINE int32_t count_rest(const uint8_t *q, const uint8_t *x, int n)
{
    int32_t sum = 0;
    for (; n > 0; n -= 8, q += 8, x += 8) {
        uint64_t a = 0, b = 0;
        memcpy(&a, q, n < 8 ? (size_t)n : 8);
        memcpy(&b, x, n < 8 ? (size_t)n : 8);
        uint64_t d = a ^ b;
        d = d - (d >> 1 & 0x5555555555555555u);
        d = (d & 0x3333333333333333u) + (d >> 2 & 0x3333333333333333u);
        d = (d + (d >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
        sum += (int32_t)(d * 0x0101010101010101u >> 56);
    }
    return sum;
}

/* Low halves of four vectors of 64-bit sums: row r in lane r. */
static ALWAYS_INLINE __m128i total(__m256i s0, __m256i s1, __m256i s2, __m256i s3)
{
    const __m256i a = _mm256_or_si256(s0, _mm256_slli_epi64(s1, 32)),
                  b = _mm256_or_si256(s2, _mm256_slli_epi64(s3, 32));
    const __m256i rows = _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    return _mm_add_epi32(_mm256_castsi256_si128(rows), _mm256_extracti128_si256(rows, 1));
}

void tern_hamming_avx2(const uint8_t *q, const uint8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    const int k32 = k / 32 * 32, k16 = k / 16 * 16;
    for (int i = 0; i < n; i += 4, x += 4 * ld_x) {
        const int last = n - 1 - i;
        const uint8_t *const row[4] = {x, x + (last < 1 ? last : 1) * ld_x, x + (last < 2 ? last : 2) * ld_x,
                                       x + (last < 3 ? last : 3) * ld_x};
        __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
        for (int j = 0; j < k32; j += 32) {
            const __m256i bits = tern_load256(q + j);
            s0 = count(s0, bits, tern_load256(row[0] + j));
            s1 = count(s1, bits, tern_load256(row[1] + j));
            s2 = count(s2, bits, tern_load256(row[2] + j));
            s3 = count(s3, bits, tern_load256(row[3] + j));
        }
        if (k16 > k32) {
            const __m256i bits = half(q + k32);
            s0 = count(s0, bits, half(row[0] + k32));
            s1 = count(s1, bits, half(row[1] + k32));
            s2 = count(s2, bits, half(row[2] + k32));
            s3 = count(s3, bits, half(row[3] + k32));
        }
        int32_t sums[4];
        _mm_storeu_si128((__m128i *)sums, total(s0, s1, s2, s3));
        for (int r = 0; r < 4 && r <= last; r++)
            out[i + r] = sums[r] + count_rest(q + k16, row[r] + k16, k - k16);
    }
}
