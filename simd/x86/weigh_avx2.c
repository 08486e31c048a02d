/* Multiplies rows by two factors each with AVX2, 16 columns at a time. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

void tern_weigh_avx2(const int16_t *x, ptrdiff_t ld_x, const int16_t *cosine, const int16_t *sine, int16_t *out,
                     ptrdiff_t ld_out, int m, int n)
{
    for (int i = 0; i < m; i++, x += ld_x, out += ld_out) {
        const __m256i c = _mm256_set1_epi16(cosine[i]), s = _mm256_set1_epi16(sine[i]);
        int j = 0;
        for (; j + 16 <= n; j += 16) {
            const __m256i v = tern_load256(x + j);
            tern_store256(out + j, _mm256_mulhrs_epi16(v, c));
            tern_store256(out + n + j, _mm256_mulhrs_epi16(v, s));
        }
        for (; j < n; j++) {
            out[j] = tern_mulr(x[j], cosine[i]);
            out[n + j] = tern_mulr(x[j], sine[i]);
        }
    }
}
