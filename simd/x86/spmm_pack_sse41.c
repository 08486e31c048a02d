/* Lays rows out for spmm_sse41.c, widened to 16 bits once. */
#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/x86/spmm_sse41.h"

static ALWAYS_INLINE void store_low(int16_t *to, __m128i x)
{
    _mm_storel_epi64((__m128i *)to, x);
}

/* One row, four inputs every `step` elements. */
static void spread(int16_t *to, ptrdiff_t step, const int8_t *row, int k4)
{
    int k = 0;
    for (; k + 2 <= k4; k += 2, to += 2 * step) {
        const __m128i x = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(row + k * TERN_PANEL_K)));
        store_low(to, x);
        store_low(to + step, _mm_unpackhi_epi64(x, x));
    }
    if (k < k4)
        store_low(to, _mm_cvtepi8_epi16(tern_load32(row + k * TERN_PANEL_K)));
}

/* Eight rows, [input][rows]: unpacking transposes a k step's bytes of these. Rows from m on are 0. */
static void columns(int16_t *to, ptrdiff_t rows, const int8_t *a, ptrdiff_t ld_a, int m, int k4)
{
    for (int k = 0; k < k4; k++, a += TERN_PANEL_K, to += rows * TERN_PANEL_K) {
        __m128i x[TERN_SPMM_SSE41_LANES];
        TERN_UNROLL
        for (int i = 0; i < TERN_SPMM_SSE41_LANES; i++)
            x[i] = i < m ? tern_load32(a + i * ld_a) : _mm_setzero_si128();
        const __m128i a04 = _mm_unpacklo_epi8(x[0], x[4]), a26 = _mm_unpacklo_epi8(x[2], x[6]);
        const __m128i a15 = _mm_unpacklo_epi8(x[1], x[5]), a37 = _mm_unpacklo_epi8(x[3], x[7]);
        const __m128i even = _mm_unpacklo_epi8(a04, a26), odd = _mm_unpacklo_epi8(a15, a37);
        const __m128i low = _mm_unpacklo_epi8(even, odd), high = _mm_unpackhi_epi8(even, odd); /* [input][8 rows] */
        tern_store128(to, _mm_cvtepi8_epi16(low));
        tern_store128(to + rows, _mm_cvtepi8_epi16(_mm_unpackhi_epi64(low, low)));
        tern_store128(to + 2 * rows, _mm_cvtepi8_epi16(high));
        tern_store128(to + 3 * rows, _mm_cvtepi8_epi16(_mm_unpackhi_epi64(high, high)));
    }
}

void tern_spmm_pack_sse41(const int8_t *a, ptrdiff_t ld_a, void *packed, enum tern_block_shape shape, int m, int k4)
{
    int16_t *const to = packed;
    const int rows = tern_spmm_sse41_rows(shape, m);
    if (shape != TERN_BLOCK_4X1) {
        for (int i = 0; i < m; i++)
            spread(to + i * TERN_PANEL_K, (ptrdiff_t)rows * TERN_PANEL_K, a + i * ld_a, k4);
        for (int k = 0; m < rows && k < k4; k++)
            store_low(to + ((ptrdiff_t)k * rows + m) * TERN_PANEL_K, _mm_setzero_si128());
    } else if (m <= TERN_SPMM_SSE41_FEW) {
        for (int i = 0; i < m; i++)
            spread(to + (ptrdiff_t)i * k4 * TERN_PANEL_K, TERN_PANEL_K, a + i * ld_a, k4);
    } else {
        for (int i = 0; i < m; i += TERN_SPMM_SSE41_LANES)
            columns(to + i, rows, a + i * ld_a, ld_a, m - i, k4);
    }
}
