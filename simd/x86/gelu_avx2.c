/* Applies the GELU with AVX2, 16 lanes of Horner's rule in Q15: 25 instructions. The reference's last max(-32767) can
   be left out: max(y, 0) is at least 0 and mulr(poly, out) at most 32766, as out is not negative. The tail goes through
   a padded copy: 15 scalar polynomials would cost as much as 20 vectors. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

#include <string.h>

static ALWAYS_INLINE __m256i gelu16(__m256i y, const struct tern_poly256 *p, __m256i out)
{
    __m256i tail = _mm256_mulhrs_epi16(tern_poly_eval256(y, p), out);
    return _mm256_subs_epi16(_mm256_max_epi16(y, _mm256_setzero_si256()), tail);
}

void tern_gelu_avx2(int16_t *y, const struct tern_poly *poly, int n)
{
    const struct tern_poly256 p = tern_poly256_of(poly);
    const __m256i out = _mm256_set1_epi16(poly->out);
    int j = 0;
    for (; j + 16 <= n; j += 16)
        tern_store256(y + j, gelu16(tern_load256(y + j), &p, out));
    if (j < n) {
        int16_t rest[16] = {0};
        memcpy(rest, y + j, (size_t)(n - j) * sizeof *y);
        tern_store256(rest, gelu16(tern_load256(rest), &p, out));
        memcpy(y + j, rest, (size_t)(n - j) * sizeof *y);
    }
}
