/* pmaddwd of a sign-extended byte (the low half of a 32-bit lane) by a multiplier whose high half is 0 is their
   product. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

static ALWAYS_INLINE __m256i product8(const int8_t *q, int16_t mul)
{
    __m256i x = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)q));
    return _mm256_madd_epi16(x, _mm256_set1_epi32((uint16_t)mul));
}

static ALWAYS_INLINE void embed(const int8_t *const *q, const int16_t *mul, const int rows, int32_t *out, int n)
{
    const int8_t *q0 = q[0], *q1 = rows > 1 ? q[1] : q0, *q2 = rows > 2 ? q[2] : q0;
    const int16_t m0 = mul[0], m1 = rows > 1 ? mul[1] : 0, m2 = rows > 2 ? mul[2] : 0;
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        __m256i sum = product8(q0 + j, m0);
        if (rows > 1)
            sum = _mm256_add_epi32(sum, product8(q1 + j, m1));
        if (rows > 2)
            sum = _mm256_add_epi32(sum, product8(q2 + j, m2));
        tern_store256(out + j, sum);
    }
    for (; j < n; j++)
        out[j] = q0[j] * m0 + q1[j] * m1 + q2[j] * m2;
}

void tern_embed_avx2(const int8_t *const *q, const int16_t *mul, int rows, int32_t *out, int n)
{
    if (rows == 1)
        embed(q, mul, 1, out, n);
    else if (rows == 2)
        embed(q, mul, 2, out, n);
    else
        embed(q, mul, 3, out, n);
}
