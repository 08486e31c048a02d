/* One int8 vector against many with 256-bit registers: the body of dot_s8_avx2.c and dot_s8_avxvnni.c, which include it
   once each. Parameters: dot_add(sum, row, q), which adds products of bytes to eight sums, and dot_start(q, k), what
   each row's sum starts at; the k is a multiple of 32.

   Four rows share the loads of q, and their sums are taken across lanes together. What is left of a row's columns is
   added one by one; of the last one to three rows the last stands in for those that are not there. */
#ifndef TERN_X86_DOT_256_TEMPLATE_H
#define TERN_X86_DOT_256_TEMPLATE_H

#include "simd/x86/avx2.h"

static ALWAYS_INLINE __m128i dot_four(const int8_t *q, const int8_t *const *row, int k32)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    for (int j = 0; j < k32; j += 32) {
        const __m256i x = tern_load256(q + j);
        s0 = dot_add(s0, tern_load256(row[0] + j), x);
        s1 = dot_add(s1, tern_load256(row[1] + j), x);
        s2 = dot_add(s2, tern_load256(row[2] + j), x);
        s3 = dot_add(s3, tern_load256(row[3] + j), x);
    }
    const __m256i rows = _mm256_hadd_epi32(_mm256_hadd_epi32(s0, s1), _mm256_hadd_epi32(s2, s3));
    return _mm_add_epi32(_mm256_castsi256_si128(rows), _mm256_extracti128_si256(rows, 1));
}

static ALWAYS_INLINE void dot_rows(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    const int k32 = k / 32 * 32;
    const int32_t start = dot_start(q, k32);
    for (int i = 0; i < n; i += 4, x += 4 * ld_x) {
        const int last = n - 1 - i;
        const int8_t *const row[4] = {x, x + (last < 1 ? last : 1) * ld_x, x + (last < 2 ? last : 2) * ld_x,
                                      x + (last < 3 ? last : 3) * ld_x};
        int32_t sums[4];
        _mm_storeu_si128((__m128i *)sums, _mm_add_epi32(dot_four(q, row, k32), _mm_set1_epi32(start)));
        for (int r = 0; r < 4 && r <= last; r++) {
            int32_t sum = sums[r];
            for (int j = k32; j < k; j++)
                sum += q[j] * row[r][j];
            out[i + r] = sum;
        }
    }
}

#endif
