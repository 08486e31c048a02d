/* Takes diagonals of rows of 16 with AVX2, 8 columns at a time. A diagonal is put together in three steps, each of
   which blends what it takes with that of one, two or four rows before, so that each row is loaded once. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

/* m diagonals of 8 columns, of which the first in memory ends at the last place. */
static ALWAYS_INLINE void skew8(const int32_t *x, const int16_t *at, int first, int32_t *out, ptrdiff_t ld_out, int m)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i row = zero, two[2] = {zero, zero}, four[4] = {zero, zero, zero, zero};
    const int places = m + 7;
    for (int p = 0; p < places; p += 4) {
        TERN_UNROLL
        for (int u = 0; u < 4; u++) {
            const int place = p + u < places ? p + u : places - 1, done = p + u - 7;
            const __m256i next = tern_load256(x + (at[place] - first) * TERN_PANEL);
            const __m256i pair = _mm256_blend_epi32(row, next, 0xAA);
            const __m256i quad = _mm256_blend_epi32(two[u % 2], pair, 0xCC);
            if (done >= 0 && done < m)
                tern_store256(out + (m - 1 - done) * ld_out, _mm256_blend_epi32(four[u], quad, 0xF0));
            row = next;
            two[u % 2] = pair;
            four[u] = quad;
        }
    }
}

void tern_skew_avx2(const int32_t *x, const int16_t *at, int32_t *out, ptrdiff_t ld_out, int m, int n)
{
    int j = 0;
    for (; j + 8 <= n; j += 8)
        skew8(x + j, at + j, at[0], out + j, ld_out, m);
    for (int i = 0; j < n && i < m; i++)
        for (int k = j; k < n; k++)
            out[i * ld_out + k] = x[(at[m - 1 - i + k] - at[0]) * TERN_PANEL + k];
}
