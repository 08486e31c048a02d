/* Takes numbers from places that only grow with AVX2: 8 places in a row lie within 8 numbers, which one permute orders.
 */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

void tern_gather_avx2(const int32_t *x, const int16_t *at, int32_t *out, int n)
{
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        const __m256i place = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(at + j)));
        const __m256i numbers = tern_load_lanes256(x + (at[j] - at[0]), at[j + 7] - at[j] + 1);
        tern_store256(out + j, _mm256_permutevar8x32_epi32(numbers, _mm256_sub_epi32(place, _mm256_set1_epi32(at[j]))));
    }
    for (; j < n; j++)
        out[j] = x[at[j] - at[0]];
}
