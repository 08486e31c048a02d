/* Applies tanh with AVX-512BW: the GELU's polynomial with another ending, where the sign goes back on by a masked
   subtraction from 0. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE __m512i tanh32(__m512i y, const struct tern_poly512 *p)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i t = _mm512_sub_epi16(_mm512_set1_epi16(32767), _mm512_max_epi16(tern_poly_eval512(y, p), zero));
    return _mm512_mask_sub_epi16(t, _mm512_movepi16_mask(y), zero, t);
}

void tern_tanh_avx512bw(int16_t *y, const struct tern_poly *poly, int n)
{
    const struct tern_poly512 p = tern_poly512_of(poly);
    int j = 0;
    for (; j + 32 <= n; j += 32)
        _mm512_storeu_si512(y + j, tanh32(_mm512_loadu_si512(y + j), &p));
    if (j < n) {
        const __mmask32 rest = tern_mask32(n - j);
        _mm512_mask_storeu_epi16(y + j, rest, tanh32(_mm512_maskz_loadu_epi16(rest, y + j), &p));
    }
}
