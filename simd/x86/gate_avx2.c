/* Multiplies the two halves of a gated layer with AVX2. The shift needs only the number of bits of the largest |p|, and
   "or" keeps that: of the products' upper halves, and of their lower ones for when all the upper ones are 0. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

/* A number of as many bits as max|p|. */
static uint32_t most_of(const int16_t *a, const int16_t *b, int n)
{
    __m256i upper = _mm256_setzero_si256(), lower = upper;
    uint32_t rest = 0;
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        __m256i x = _mm256_abs_epi16(tern_load256(a + j)), y = _mm256_abs_epi16(tern_load256(b + j));
        upper = _mm256_or_si256(upper, _mm256_mulhi_epu16(x, y));
        lower = _mm256_or_si256(lower, _mm256_mullo_epi16(x, y));
    }
    for (; j < n; j++) {
        int32_t p = a[j] * b[j];
        rest |= (uint32_t)(p < 0 ? -p : p);
    }
    return rest | (uint32_t)tern_max_u16_256(upper) << 16 | (uint32_t)tern_max_u16_256(lower);
}

int tern_gate_avx2(int16_t *a, const int16_t *b, int n)
{
    const int shift = tern_gate_shift(most_of(a, b, n));
    const struct tern_rshift256 s = tern_rshift256_of(shift);
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        __m256i x = tern_load256(a + j), y = tern_load256(b + j);
        __m256i low = _mm256_mullo_epi16(x, y), high = _mm256_mulhi_epi16(x, y);
        __m256i first = tern_rshift256(_mm256_unpacklo_epi16(low, high), s);
        __m256i second = tern_rshift256(_mm256_unpackhi_epi16(low, high), s);
        tern_store256(a + j, _mm256_packs_epi32(first, second)); /* in the order that the unpacks left */
    }
    for (; j < n; j++)
        a[j] = tern_gate1(a[j], b[j], shift);
    return shift;
}
