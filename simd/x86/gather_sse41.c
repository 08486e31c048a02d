/* Takes numbers from places that only grow with SSE4.1: four places in a row lie within four numbers, which pshufb
   orders. Where fewer than four are left to be read, one by one. */
#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/table.h"
#include "simd/x86/sse41.h"

void tern_gather_sse41(const int32_t *x, const int16_t *at, int32_t *out, int n)
{
    /* A place's low byte to the four bytes of its number, and these bytes' own order. */
    const __m128i spread = _mm_setr_epi8(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
    const __m128i bytes = _mm_set1_epi32(0x03020100);
    const int last = at[n - 1] - at[0];
    int j = 0;
    for (; j + 4 <= n && at[j] - at[0] + 3 <= last; j += 4) {
        const __m128i place = _mm_sub_epi16(_mm_loadl_epi64((const __m128i *)(at + j)), _mm_set1_epi16(at[j]));
        const __m128i index = _mm_add_epi8(_mm_shuffle_epi8(_mm_slli_epi16(place, 2), spread), bytes);
        tern_store128(out + j, _mm_shuffle_epi8(tern_load128(x + (at[j] - at[0])), index));
    }
    for (; j < n; j++)
        out[j] = x[at[j] - at[0]];
}
