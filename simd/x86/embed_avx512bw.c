/* pmaddwd of a sign-extended byte (the low half of a 32-bit lane) by a multiplier whose high half is 0 is their
   product. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE __m512i product16(__m128i q, __m512i mul)
{
    return _mm512_madd_epi16(_mm512_cvtepi8_epi32(q), mul);
}

/* rows <= 3 and constant: what lacks vanishes. */
static ALWAYS_INLINE __m512i sum16(__m128i q0, __m128i q1, __m128i q2, const __m512i *mul, const int rows)
{
    __m512i sum = product16(q0, mul[0]);
    if (rows > 1)
        sum = _mm512_add_epi32(sum, product16(q1, mul[1]));
    return rows > 2 ? _mm512_add_epi32(sum, product16(q2, mul[2])) : sum;
}

static ALWAYS_INLINE void embed(const int8_t *const *q, const __m512i *mul, const int rows, int32_t *out, int n)
{
    const int8_t *q0 = q[0], *q1 = rows > 1 ? q[1] : q0, *q2 = rows > 2 ? q[2] : q0;
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(q0 + j)), b = _mm_loadu_si128((const __m128i *)(q1 + j));
        __m128i c = _mm_loadu_si128((const __m128i *)(q2 + j));
        _mm512_storeu_si512(out + j, sum16(a, b, c, mul, rows));
    }
    if (j < n) {
        const __mmask16 rest = tern_mask16(n - j);
        __m128i a = _mm_maskz_loadu_epi8(rest, q0 + j), b = _mm_maskz_loadu_epi8(rest, q1 + j);
        __m128i c = _mm_maskz_loadu_epi8(rest, q2 + j);
        _mm512_mask_storeu_epi32(out + j, rest, sum16(a, b, c, mul, rows));
    }
}

void tern_embed_avx512bw(const int8_t *const *q, const int16_t *mul, int rows, int32_t *out, int n)
{
    __m512i m[3] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    for (int r = 0; r < rows; r++)
        m[r] = _mm512_set1_epi32((uint16_t)mul[r]);
    if (rows == 1)
        embed(q, m, 1, out, n);
    else if (rows == 2)
        embed(q, m, 2, out, n);
    else
        embed(q, m, 3, out, n);
}
