/* Adds up the rows of a matrix with AVX2. It takes strips of 32 columns. Two rows are interleaved so that pmaddwd by
   ones adds their pairs into 32 bits. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

struct sums {
    __m256i low, high;
};

static ALWAYS_INLINE struct sums add_rows(struct sums s, __m256i a, __m256i b)
{
    const __m256i ones = _mm256_set1_epi16(1);
    s.low = _mm256_add_epi32(s.low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), ones));
    s.high = _mm256_add_epi32(s.high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), ones));
    return s;
}

static ALWAYS_INLINE void store16(int32_t *out, struct sums s)
{
    tern_store256(out, _mm256_permute2x128_si256(s.low, s.high, 0x20));
    tern_store256(out + 8, _mm256_permute2x128_si256(s.low, s.high, 0x31));
}

static ALWAYS_INLINE void pool_strip(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, const int columns)
{
    const __m256i zero = _mm256_setzero_si256();
    struct sums first = {zero, zero}, second = first;
    int i = 0;
    for (; i + 2 <= m; i += 2, x += 2 * ld_x) {
        first = add_rows(first, tern_load256(x), tern_load256(x + ld_x));
        if (columns == 32)
            second = add_rows(second, tern_load256(x + 16), tern_load256(x + ld_x + 16));
    }
    if (i < m) {
        first = add_rows(first, tern_load256(x), zero);
        if (columns == 32)
            second = add_rows(second, tern_load256(x + 16), zero);
    }
    store16(out, first);
    if (columns == 32)
        store16(out + 16, second);
}

void tern_pool_avx2(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n)
{
    int j = 0;
    for (; j + 32 <= n; j += 32)
        pool_strip(x + j, ld_x, out + j, m, 32);
    for (; j + 16 <= n; j += 16)
        pool_strip(x + j, ld_x, out + j, m, 16);
    if (j < n)
        tern_pool_ref(x + j, ld_x, out + j, m, n - j);
}
