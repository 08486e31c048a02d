/* Takes numbers from places that only grow with AVX-512: 16 places in a row lie within 16 numbers, which one permute
   orders. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

void tern_gather_avx512bw(const int32_t *x, const int16_t *at, int32_t *out, int n)
{
    for (int j = 0; j < n; j += 16) {
        const int last = n - j < 16 ? n - 1 : j + 15;
        const __mmask16 rest = tern_mask16(n - j);
        const __m512i place =
            _mm512_cvtepi16_epi32(_mm512_castsi512_si256(_mm512_maskz_loadu_epi16((__mmask32)rest, at + j)));
        const __m512i numbers = _mm512_maskz_loadu_epi32(tern_mask16(at[last] - at[j] + 1), x + (at[j] - at[0]));
        _mm512_mask_storeu_epi32(out + j, rest,
                                 _mm512_permutexvar_epi32(_mm512_sub_epi32(place, _mm512_set1_epi32(at[j])), numbers));
    }
}
