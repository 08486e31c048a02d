/* Brings accumulators to int16 with AVX-512BW, 32 columns at a time: packssdw is the saturation, one permute sets its
   lanes straight, the rest is 16-bit. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE __m512i requant32(__m512i low, __m512i high, __m512i mul, __m512i bias, struct tern_scale512 s)
{
    __m512i a = tern_straight(_mm512_packs_epi32(tern_rshift512(low, s.shift), tern_rshift512(high, s.shift)));
    __m512i scaled = _mm512_mulhrs_epi16(a, _mm512_mulhrs_epi16(mul, s.mul));
    return _mm512_max_epi16(_mm512_adds_epi16(scaled, bias), _mm512_set1_epi16(-32767));
}

static ALWAYS_INLINE void requant_row(const int32_t *acc, int16_t *out, struct tern_scale512 s, const int32_t *left,
                                      const int16_t *mul, const int16_t *bias, int n)
{
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        __m512i low = tern_shifted512(acc, left, j), high = tern_shifted512(acc, left, j + 16);
        __m512i x = requant32(low, high, _mm512_loadu_si512(mul + j), _mm512_loadu_si512(bias + j), s);
        _mm512_storeu_si512(out + j, x);
    }
    if (j < n) {
        const __mmask32 rest = tern_mask32(n - j);
        __m512i low = tern_rest_shifted512(acc, left, j, (__mmask16)rest);
        __m512i high = tern_rest_shifted512(acc, left, j + 16, (__mmask16)(rest >> 16));
        __m512i x =
            requant32(low, high, _mm512_maskz_loadu_epi16(rest, mul + j), _mm512_maskz_loadu_epi16(rest, bias + j), s);
        _mm512_mask_storeu_epi16(out + j, rest, x);
    }
}

void tern_requant_avx512bw(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                           const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                           const int16_t *bias, int m, int n)
{
    for (int i = 0; i < m; i++) {
        const struct tern_scale512 s = tern_scale512_of(&row[i]);
        if (left)
            requant_row(acc + i * ld_acc, out + i * ld_out, s, left, mul, bias, n);
        else
            requant_row(acc + i * ld_acc, out + i * ld_out, s, NULL, mul, bias, n);
    }
}
