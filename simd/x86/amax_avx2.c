/* Finds the largest magnitude with AVX2. A row has four independent maxima; |-32768| would come out as 32768, as in the
   reference. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

static ALWAYS_INLINE __m256i larger(__m256i max, const int16_t *x)
{
    return _mm256_max_epu16(max, _mm256_abs_epi16(tern_load256(x)));
}

int32_t tern_amax_avx2(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    int32_t rest = 0;
    for (int i = 0; i < m; i++, x += ld_x) {
        int j = 0;
        for (; j + 64 <= n; j += 64) {
            a = larger(a, x + j);
            b = larger(b, x + j + 16);
            c = larger(c, x + j + 32);
            d = larger(d, x + j + 48);
        }
        for (; j + 16 <= n; j += 16)
            a = larger(a, x + j);
        for (; j < n; j++) {
            int32_t magnitude = x[j] < 0 ? -x[j] : x[j];
            rest = magnitude > rest ? magnitude : rest;
        }
    }
    int32_t amax = tern_max_u16_256(_mm256_max_epu16(_mm256_max_epu16(a, b), _mm256_max_epu16(c, d)));
    return amax > rest ? amax : rest;
}
