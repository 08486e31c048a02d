/* Brings a row that has an exponent to 30 bits, and to int16, with AVX2. The shift needs only the number of bits of the
   largest magnitude, and "or" keeps that. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

/* v[n] without what is below 0, if that is asked for; returns the shift. */
static int cut_and_measure(int32_t *v, int relu, int n)
{
    const __m256i least = relu ? _mm256_setzero_si256() : _mm256_set1_epi32(INT32_MIN);
    __m256i all = _mm256_setzero_si256();
    uint32_t lanes[8], most = 0;
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        const __m256i x = _mm256_max_epi32(tern_load256(v + j), least);
        all = _mm256_or_si256(all, _mm256_abs_epi32(x));
        if (relu)
            tern_store256(v + j, x);
    }
    for (; j < n; j++) {
        v[j] = relu && v[j] < 0 ? 0 : v[j];
        most |= (uint32_t)(v[j] < 0 ? -v[j] : v[j]);
    }
    tern_store256(lanes, all);
    for (int i = 0; i < 8; i++)
        most |= lanes[i];
    return tern_narrow_up(most);
}

int tern_narrow_avx2(int32_t *v, int16_t *x, int relu, int n)
{
    const int shift = cut_and_measure(v, relu, n), up = shift < 0 ? 0 : shift;
    const __m128i count = _mm_cvtsi32_si128(up);
    const __m256i half = _mm256_set1_epi32(1 << (TERN_NARROW_BITS - 1)), least = _mm256_set1_epi16(-32767);
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        const __m256i a = _mm256_sll_epi32(tern_load256(v + j), count),
                      b = _mm256_sll_epi32(tern_load256(v + j + 8), count);
        tern_store256(v + j, a);
        tern_store256(v + j + 8, b);
        const __m256i packed = _mm256_packs_epi32(_mm256_srai_epi32(_mm256_add_epi32(a, half), TERN_NARROW_BITS),
                                                  _mm256_srai_epi32(_mm256_add_epi32(b, half), TERN_NARROW_BITS));
        tern_store256(x + j, _mm256_max_epi16(tern_straight256(packed), least));
    }
    for (; j < n; j++) {
        v[j] *= 1 << up;
        x[j] = tern_narrow1(v[j], TERN_NARROW_BITS);
    }
    return shift;
}
