/* Takes diagonals of rows of 16 with AVX-512. A diagonal is put together in four steps, each of which blends what it
   takes with that of one, two, four or eight rows before, so that each row is loaded once. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

void tern_skew_avx512bw(const int32_t *x, const int16_t *at, int32_t *out, ptrdiff_t ld_out, int m, int n)
{
    const __m512i zero = _mm512_setzero_si512();
    const __mmask16 columns = tern_mask16(n);
    const int last = m + n - 2;
    __m512i row = zero, two[2] = {zero, zero}, four[4] = {zero, zero, zero, zero},
            eight[8] = {zero, zero, zero, zero, zero, zero, zero, zero};
    for (int p = 0; p < m + 15; p += 8) {
        TERN_UNROLL
        for (int u = 0; u < 8; u++) {
            const int place = p + u < last ? p + u : last, done = p + u - 15;
            const __m512i next = _mm512_loadu_si512(x + (at[place] - at[0]) * TERN_PANEL);
            const __m512i pair = _mm512_mask_mov_epi32(row, 0xAAAA, next);
            const __m512i quad = _mm512_mask_mov_epi32(two[u % 2], 0xCCCC, pair);
            const __m512i octet = _mm512_mask_mov_epi32(four[u % 4], 0xF0F0, quad);
            if (done >= 0 && done < m)
                _mm512_mask_storeu_epi32(out + (m - 1 - done) * ld_out, columns,
                                         _mm512_mask_mov_epi32(eight[u], 0xFF00, octet));
            row = next;
            two[u % 2] = pair;
            four[u % 4] = quad;
            eight[u] = octet;
        }
    }
}
