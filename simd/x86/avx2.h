/* The helpers that the AVX2 kernels share. */
#ifndef TERN_X86_AVX2_H
#define TERN_X86_AVX2_H

#include "simd/barrier.h"
#include "simd/ops.h"
#include "simd/tiling.h"
#include "simd/unroll.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

static inline __m256i tern_load256(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
static inline void tern_store256(void *p, __m256i x)
{
    _mm256_storeu_si256((__m256i *)p, x);
}

/* The first n of 8 lanes of 32 bits, the others 0. */
static inline __m256i tern_load_lanes256(const void *from, int n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_epi32(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
}

/* Four bytes in every 32-bit lane. */
static ALWAYS_INLINE __m256i tern_four256(const void *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm256_set1_epi32(four);
}

/* packs_epi32 and packs_epi16 work in 128-bit lanes: this sets their 64-bit pieces straight, and is its own inverse. */
static inline __m256i tern_straight256(__m256i x)
{
    return _mm256_permute4x64_epi64(x, 0xD8);
}

/* The transpose of 8 x 8 lanes of 32 bits, in place. */
static ALWAYS_INLINE void tern_transpose8(__m256i *r)
{
    __m256i t[8];
    TERN_UNROLL
    for (int i = 0; i < 8; i += 4) { /* 4 x 4 within each 128 bits */
        const __m256i a = _mm256_unpacklo_epi32(r[i], r[i + 1]), b = _mm256_unpackhi_epi32(r[i], r[i + 1]);
        const __m256i c = _mm256_unpacklo_epi32(r[i + 2], r[i + 3]), d = _mm256_unpackhi_epi32(r[i + 2], r[i + 3]);
        t[i] = _mm256_unpacklo_epi64(a, c), t[i + 1] = _mm256_unpackhi_epi64(a, c);
        t[i + 2] = _mm256_unpacklo_epi64(b, d), t[i + 3] = _mm256_unpackhi_epi64(b, d);
    }
    TERN_UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x31);
    }
}

static inline int64_t tern_sum_i64_256(__m256i x)
{
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return _mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1);
}
/* Sum of int32 lanes, as 64 bits. */
static inline int64_t tern_sum256(__m256i x)
{
    __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(x));
    return tern_sum_i64_256(_mm256_add_epi64(low, _mm256_cvtepi32_epi64(_mm256_extracti128_si256(x, 1))));
}

#endif
