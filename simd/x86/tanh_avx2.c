/* Applies tanh with AVX2: the GELU's polynomial with another ending, where the sign goes back on as (t ^ s) - s with s
   = y >> 15 (psignw would make 0 of y = 0). The tail goes through a padded copy. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

#include <string.h>

static ALWAYS_INLINE __m256i tanh16(__m256i y, const struct tern_poly256 *p)
{
    __m256i positive = _mm256_max_epi16(tern_poly_eval256(y, p), _mm256_setzero_si256());
    __m256i t = _mm256_sub_epi16(_mm256_set1_epi16(32767), positive), sign = _mm256_srai_epi16(y, 15);
    return _mm256_sub_epi16(_mm256_xor_si256(t, sign), sign);
}

void tern_tanh_avx2(int16_t *y, const struct tern_poly *poly, int n)
{
    const struct tern_poly256 p = tern_poly256_of(poly);
    int j = 0;
    for (; j + 16 <= n; j += 16)
        tern_store256(y + j, tanh16(tern_load256(y + j), &p));
    if (j < n) {
        int16_t rest[16] = {0};
        memcpy(rest, y + j, (size_t)(n - j) * sizeof *y);
        tern_store256(rest, tanh16(tern_load256(rest), &p));
        memcpy(y + j, rest, (size_t)(n - j) * sizeof *y);
    }
}
