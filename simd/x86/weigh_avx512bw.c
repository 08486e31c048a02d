/* Multiplies rows by two factors each with AVX-512BW, 32 columns at a time. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

void tern_weigh_avx512bw(const int16_t *x, ptrdiff_t ld_x, const int16_t *cosine, const int16_t *sine, int16_t *out,
                         ptrdiff_t ld_out, int m, int n)
{
    for (int i = 0; i < m; i++, x += ld_x, out += ld_out) {
        const __m512i c = _mm512_set1_epi16(cosine[i]), s = _mm512_set1_epi16(sine[i]);
        for (int j = 0; j < n; j += 32) {
            const __mmask32 columns = tern_mask32(n - j);
            const __m512i v = _mm512_maskz_loadu_epi16(columns, x + j);
            _mm512_mask_storeu_epi16(out + j, columns, _mm512_mulhrs_epi16(v, c));
            _mm512_mask_storeu_epi16(out + n + j, columns, _mm512_mulhrs_epi16(v, s));
        }
    }
}
