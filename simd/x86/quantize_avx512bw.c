/* Quantises a row to int8 with AVX-512BW. It takes two passes over a row, which the first brings into L1: the largest
   magnitude, then 64 bytes at a time. Lanes past the end load as 0 and quantise to 0, which is what the padding must
   be. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static int32_t row_amax(const int16_t *x, int n)
{
    __m512i a = _mm512_setzero_si512(), b = a;
    int j = 0;
    for (; j + 64 <= n; j += 64) {
        a = _mm512_max_epu16(a, _mm512_abs_epi16(_mm512_loadu_si512(x + j)));
        b = _mm512_max_epu16(b, _mm512_abs_epi16(_mm512_loadu_si512(x + j + 32)));
    }
    for (; j < n; j += 32)
        a = _mm512_max_epu16(a, _mm512_abs_epi16(_mm512_maskz_loadu_epi16(tern_mask32(n - j), x + j)));
    return tern_max_u16_512(_mm512_max_epu16(a, b));
}

void tern_quantize_avx512bw(const int16_t *x, int8_t *q, struct tern_row *row, int n)
{
    row->amax = row_amax(x, n);
    const struct tern_s8_512 s = tern_s8_512_of(tern_s8_scale_of(row->amax));
    __m512i norm2 = _mm512_setzero_si512();
    int j = 0;
    for (; j + 64 <= n; j += 64) {
        __m512i a = tern_to_s8_512(_mm512_loadu_si512(x + j), s);
        __m512i b = tern_to_s8_512(_mm512_loadu_si512(x + j + 32), s);
        norm2 = _mm512_add_epi32(norm2, _mm512_add_epi32(_mm512_madd_epi16(a, a), _mm512_madd_epi16(b, b)));
        _mm512_storeu_si512(q + j, tern_narrow512(a, b));
    }
    if (j < n) {
        const __mmask64 rest = tern_mask64(n - j);
        __m512i a = tern_to_s8_512(_mm512_maskz_loadu_epi16((__mmask32)rest, x + j), s);
        __m512i b = tern_to_s8_512(_mm512_maskz_loadu_epi16((__mmask32)(rest >> 32), x + j + 32), s);
        norm2 = _mm512_add_epi32(norm2, _mm512_add_epi32(_mm512_madd_epi16(a, a), _mm512_madd_epi16(b, b)));
        _mm512_mask_storeu_epi8(q + j, tern_mask64(tern_round_up(n, TERN_PANEL_K) - j), tern_narrow512(a, b));
    }
    row->norm2 = _mm512_reduce_add_epi32(norm2);
}
