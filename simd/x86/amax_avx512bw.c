/* Finds the largest magnitude with AVX-512BW. A row has four independent maxima; |-32768| would come out as 32768, as
   in the reference. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

static ALWAYS_INLINE __m512i larger(__m512i max, __m512i x)
{
    return _mm512_max_epu16(max, _mm512_abs_epi16(x));
}

/* Two rows at a time of as many columns as a head often has: a row has too few registers to hide the loop around it. */
static int32_t head_amax(const int16_t *x, ptrdiff_t ld_x, int m)
{
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    for (; m > 1; m -= 2, x += 2 * ld_x) {
        a = larger(a, _mm512_loadu_si512(x));
        b = larger(b, _mm512_loadu_si512(x + 32));
        c = larger(c, _mm512_loadu_si512(x + ld_x));
        d = larger(d, _mm512_loadu_si512(x + ld_x + 32));
    }
    if (m) {
        a = larger(a, _mm512_loadu_si512(x));
        b = larger(b, _mm512_loadu_si512(x + 32));
    }
    return tern_max_u16_512(_mm512_max_epu16(_mm512_max_epu16(a, b), _mm512_max_epu16(c, d)));
}

int32_t tern_amax_avx512bw(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    if (n == 64)
        return head_amax(x, ld_x, m);
    for (int i = 0; i < m; i++, x += ld_x) {
        int j = 0;
        for (; j + 128 <= n; j += 128) {
            a = larger(a, _mm512_loadu_si512(x + j));
            b = larger(b, _mm512_loadu_si512(x + j + 32));
            c = larger(c, _mm512_loadu_si512(x + j + 64));
            d = larger(d, _mm512_loadu_si512(x + j + 96));
        }
        for (; j + 32 <= n; j += 32)
            a = larger(a, _mm512_loadu_si512(x + j));
        if (j < n)
            b = larger(b, _mm512_maskz_loadu_epi16(tern_mask32(n - j), x + j));
    }
    return tern_max_u16_512(_mm512_max_epu16(_mm512_max_epu16(a, b), _mm512_max_epu16(c, d)));
}
