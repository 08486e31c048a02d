/* Multiplies the two halves of a gated layer with AVX-512BW. The shift needs only the number of bits of the largest
   |p|, and "or" keeps that: of the products' upper halves, and of their lower ones for when all the upper ones are 0.
 */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

/* A number of as many bits as max|p|. */
static uint32_t most_of(const int16_t *a, const int16_t *b, int n)
{
    __m512i upper = _mm512_setzero_si512(), lower = upper;
    for (int j = 0; j < n; j += 32) {
        const __mmask32 lanes = tern_mask32(n - j);
        __m512i x = _mm512_abs_epi16(_mm512_maskz_loadu_epi16(lanes, a + j));
        __m512i y = _mm512_abs_epi16(_mm512_maskz_loadu_epi16(lanes, b + j));
        upper = _mm512_or_si512(upper, _mm512_mulhi_epu16(x, y));
        lower = _mm512_or_si512(lower, _mm512_mullo_epi16(x, y));
    }
    return (uint32_t)tern_max_u16_512(upper) << 16 | (uint32_t)tern_max_u16_512(lower);
}

static ALWAYS_INLINE __m512i gate32(__m512i a, __m512i b, struct tern_rshift512 s)
{
    __m512i low = _mm512_mullo_epi16(a, b), high = _mm512_mulhi_epi16(a, b);
    __m512i first = tern_rshift512(_mm512_unpacklo_epi16(low, high), s);
    __m512i second = tern_rshift512(_mm512_unpackhi_epi16(low, high), s);
    return _mm512_packs_epi32(first, second); /* in the order that the unpacks left */
}

int tern_gate_avx512bw(int16_t *a, const int16_t *b, int n)
{
    const int shift = tern_gate_shift(most_of(a, b, n));
    const struct tern_rshift512 s = tern_rshift512_of(shift);
    int j = 0;
    for (; j + 32 <= n; j += 32)
        _mm512_storeu_si512(a + j, gate32(_mm512_loadu_si512(a + j), _mm512_loadu_si512(b + j), s));
    if (j < n) {
        const __mmask32 rest = tern_mask32(n - j);
        __m512i x = _mm512_maskz_loadu_epi16(rest, a + j), y = _mm512_maskz_loadu_epi16(rest, b + j);
        _mm512_mask_storeu_epi16(a + j, rest, gate32(x, y, s));
    }
    return shift;
}
