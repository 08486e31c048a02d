/* Sums a depthwise convolution's products at one token with AVX2, 16 columns at a time: two taps' values lie side by
   side, so that pmaddwd adds their products. The unpacks leave the columns in an order that two permutes undo. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

struct columns {
    __m256i low, high;
};

static ALWAYS_INLINE struct columns add_pair(struct columns s, __m256i x, __m256i next_x, __m256i w, __m256i next_w)
{
    const __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(x, next_x), _mm256_unpacklo_epi16(w, next_w));
    const __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(x, next_x), _mm256_unpackhi_epi16(w, next_w));
    return (struct columns){_mm256_add_epi32(s.low, low), _mm256_add_epi32(s.high, high)};
}

void tern_taps_avx2(const int16_t *x, ptrdiff_t ld_x, const int16_t *w, ptrdiff_t ld_w, int32_t *sum, int m, int n)
{
    const __m256i zero = _mm256_setzero_si256();
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        struct columns s = {zero, zero};
        const int16_t *a = x + j, *b = w + j;
        int i = 0;
        for (; i + 2 <= m; i += 2, a += 2 * ld_x, b += 2 * ld_w)
            s = add_pair(s, tern_load256(a), tern_load256(a + ld_x), tern_load256(b), tern_load256(b + ld_w));
        if (i < m)
            s = add_pair(s, tern_load256(a), zero, tern_load256(b), zero);
        const __m256i first = _mm256_permute2x128_si256(s.low, s.high, 0x20),
                      second = _mm256_permute2x128_si256(s.low, s.high, 0x31);
        tern_store256(sum + j, _mm256_add_epi32(tern_load256(sum + j), first));
        tern_store256(sum + j + 8, _mm256_add_epi32(tern_load256(sum + j + 8), second));
    }
    if (j < n)
        tern_taps_ref(x + j, ld_x, w + j, ld_w, sum + j, m, n - j);
}
