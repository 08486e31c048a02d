/* Adds sums to a stream that loses bits first, with AVX-512BW, 16 at a time. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

void tern_accumulate_avx512bw(int32_t *s, const int32_t *sum, int down, int n)
{
    const struct tern_rshift512 shift = tern_rshift512_of(down);
    int j = 0;
    for (; j + 16 <= n; j += 16)
        _mm512_storeu_si512(
            s + j, _mm512_add_epi32(tern_rshift512(_mm512_loadu_si512(s + j), shift), _mm512_loadu_si512(sum + j)));
    if (j < n) {
        const __mmask16 rest = tern_mask16(n - j);
        const __m512i x = tern_rshift512(_mm512_maskz_loadu_epi32(rest, s + j), shift);
        _mm512_mask_storeu_epi32(s + j, rest, _mm512_add_epi32(x, _mm512_maskz_loadu_epi32(rest, sum + j)));
    }
}
