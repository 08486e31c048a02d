/* Multiplies one int8 vector by many with AVX2: pmaddubsw of the rows' magnitudes by q with the rows' signs, exact as
   2 * 127 * 127 < 2^15; then pmaddwd by ones adds pairs. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

_Static_assert(2 * 127 * 127 <= INT16_MAX, "pmaddubsw does not saturate");

static ALWAYS_INLINE __m256i dot_add(__m256i sum, __m256i row, __m256i q)
{
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(row), _mm256_sign_epi8(q, row));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static ALWAYS_INLINE int32_t dot_start(const int8_t *q, int k)
{
    (void)q;
    (void)k;
    return 0;
}

#include "simd/x86/dot_256_template.h"

void tern_dot_s8_avx2(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    dot_rows(q, x, ld_x, out, n, k);
}
