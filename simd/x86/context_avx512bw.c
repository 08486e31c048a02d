/* Brings attention's sums of values to int16 with AVX-512BW, 32 columns at a time, as requant does. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE __m512i sum16(__mmask16 mask, const int32_t *high, const int32_t *low,
                                   const struct tern_scale512 *s)
{
    __m512i h = _mm512_maskz_loadu_epi32(mask, high), l = _mm512_maskz_loadu_epi32(mask, low);
    return tern_rshift512(_mm512_add_epi32(_mm512_slli_epi32(h, TERN_P_LOW_BITS), l), s->shift);
}

void tern_context_avx512bw(const int32_t *high, const int32_t *low, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                           const struct tern_row_scale *row, int m, int n)
{
    for (int i = 0; i < m; i++, high += ld_acc, low += ld_acc, out += ld_out) {
        const struct tern_scale512 s = tern_scale512_of(&row[i]);
        for (int j = 0; j < n; j += 32) {
            const __mmask32 rest = tern_mask32(n - j);
            __m512i a = sum16((__mmask16)rest, high + j, low + j, &s);
            __m512i b = sum16((__mmask16)(rest >> 16), high + j + 16, low + j + 16, &s);
            __m512i x = tern_straight(_mm512_packs_epi32(a, b));
            _mm512_mask_storeu_epi16(out + j, rest, _mm512_mulhrs_epi16(x, s.mul));
        }
    }
}
