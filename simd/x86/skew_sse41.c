/* Takes diagonals of rows of 16 with SSE4.1, as skew_avx2.c does, but 4 columns at a time, in two steps. */
#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/table.h"
#include "simd/x86/sse41.h"

/* m diagonals of 4 columns, of which the first in memory ends at the last place. */
static ALWAYS_INLINE void skew4(const int32_t *x, const int16_t *at, int first, int32_t *out, ptrdiff_t ld_out, int m)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i row = zero, two[2] = {zero, zero};
    const int places = m + 3;
    for (int p = 0; p < places; p += 2) {
        TERN_UNROLL
        for (int u = 0; u < 2; u++) {
            const int place = p + u < places ? p + u : places - 1, done = p + u - 3;
            const __m128i next = tern_load128(x + (at[place] - first) * TERN_PANEL);
            const __m128i pair = _mm_blend_epi16(row, next, 0xCC);
            if (done >= 0 && done < m)
                tern_store128(out + (m - 1 - done) * ld_out, _mm_blend_epi16(two[u], pair, 0xF0));
            row = next;
            two[u] = pair;
        }
    }
}

void tern_skew_sse41(const int32_t *x, const int16_t *at, int32_t *out, ptrdiff_t ld_out, int m, int n)
{
    int j = 0;
    for (; j + 4 <= n; j += 4)
        skew4(x + j, at + j, at[0], out + j, ld_out, m);
    for (int i = 0; j < n && i < m; i++)
        for (int k = j; k < n; k++)
            out[i * ld_out + k] = x[(at[m - 1 - i + k] - at[0]) * TERN_PANEL + k];
}
