/* Multiplies float matrices with AVX2, as dot products: 3 rows x 4 columns of eight partial sums each, multiplied and
   added separately: fused multiply-add is no part of AVX2, and this row must run wherever the table offers it. The
   order of the additions differs from the reference's, which this op alone may do. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

enum { ROWS = 3, COLUMNS = 4 };

/* Sums are s<row><column>; what a tile lacks vanishes, as its size is constant. */
#define ALL(do) do(0) do(1) do(2)

#define START(i) __m256 s##i##0 = zero, s##i##1 = zero, s##i##2 = zero, s##i##3 = zero;

#define ADD_PRODUCT(sum, x, y) sum = _mm256_add_ps(sum, _mm256_mul_ps(x, y))

#define MULTIPLY(i)                                                                                                    \
    if (i < rows) {                                                                                                    \
        const __m256 x = _mm256_loadu_ps(a + i * ld_a + l);                                                            \
        ADD_PRODUCT(s##i##0, x, _mm256_loadu_ps(w + l));                                                               \
        ADD_PRODUCT(s##i##1, x, _mm256_loadu_ps(w + ld_w + l));                                                        \
        ADD_PRODUCT(s##i##2, x, _mm256_loadu_ps(w + 2 * ld_w + l));                                                    \
        ADD_PRODUCT(s##i##3, x, _mm256_loadu_ps(w + 3 * ld_w + l));                                                    \
    }

#define STORE(i)                                                                                                       \
    if (i < rows) {                                                                                                    \
        __m128 sum = four_sums(s##i##0, s##i##1, s##i##2, s##i##3);                                                    \
        for (l = whole; l < k; l++) {                                                                                  \
            __m128 y = _mm_setr_ps(w[l], w[ld_w + l], w[2 * ld_w + l], w[3 * ld_w + l]);                               \
            sum = _mm_add_ps(sum, _mm_mul_ps(_mm_set1_ps(a[i * ld_a + l]), y));                                        \
        }                                                                                                              \
        _mm_storeu_ps(c + i * ld_c, sum);                                                                              \
    }

static ALWAYS_INLINE __m128 four_sums(__m256 a, __m256 b, __m256 c, __m256 d)
{
    __m256 x = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
}

static ALWAYS_INLINE void tile(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, float *c, ptrdiff_t ld_c,
                               int k, const int rows)
{
    const __m256 zero = _mm256_setzero_ps();
    const int whole = k & ~7;
    int l;
    ALL(START)
    for (l = 0; l < whole; l += 8) {
        ALL(MULTIPLY)
    }
    ALL(STORE)
}

static float dot(const float *a, const float *w, int k)
{
    const __m256 zero = _mm256_setzero_ps();
    __m256 sum = zero;
    int l = 0;
    for (; l + 8 <= k; l += 8)
        ADD_PRODUCT(sum, _mm256_loadu_ps(a + l), _mm256_loadu_ps(w + l));
    float total = _mm_cvtss_f32(four_sums(sum, zero, zero, zero));
    for (; l < k; l++)
        total += a[l] * w[l];
    return total;
}

void tern_gemm_f32_avx2(const float *a, ptrdiff_t ld_a, const float *w, ptrdiff_t ld_w, float *c, ptrdiff_t ld_c, int m,
                        int n, int k)
{
    /* Columns outside: four rows of w stay in L1 while all rows of a pass. */
    int j = 0;
    for (; j + COLUMNS <= n; j += COLUMNS) {
        int i = 0;
        for (; i + ROWS <= m; i += ROWS)
            tile(a + i * ld_a, ld_a, w + j * ld_w, ld_w, c + i * ld_c + j, ld_c, k, ROWS);
        for (; i < m; i++)
            tile(a + i * ld_a, ld_a, w + j * ld_w, ld_w, c + i * ld_c + j, ld_c, k, 1);
    }
    for (; j < n; j++)
        for (int i = 0; i < m; i++)
            c[i * ld_c + j] = dot(a + i * ld_a, w + j * ld_w, k);
}
