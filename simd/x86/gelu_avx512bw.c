/* Applies the GELU with AVX-512BW, 32 lanes of Horner's rule in Q15: 25 instructions. The reference's last max(-32767)
   can be left out: max(y, 0) is at least 0 and mulr(poly, out) at most 32766, as out is not negative. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE __m512i gelu32(__m512i y, const struct tern_poly512 *p, __m512i out)
{
    __m512i tail = _mm512_mulhrs_epi16(tern_poly_eval512(y, p), out);
    return _mm512_subs_epi16(_mm512_max_epi16(y, _mm512_setzero_si512()), tail);
}

void tern_gelu_avx512bw(int16_t *y, const struct tern_poly *poly, int n)
{
    const struct tern_poly512 p = tern_poly512_of(poly);
    const __m512i out = _mm512_set1_epi16(poly->out);
    int j = 0;
    for (; j + 32 <= n; j += 32)
        _mm512_storeu_si512(y + j, gelu32(_mm512_loadu_si512(y + j), &p, out));
    if (j < n) {
        const __mmask32 rest = tern_mask32(n - j);
        _mm512_mask_storeu_epi16(y + j, rest, gelu32(_mm512_maskz_loadu_epi16(rest, y + j), &p, out));
    }
}
