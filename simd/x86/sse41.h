/* The helpers that the SSE4.1 kernels share. SSE4.2 has nothing that they would want, so that the row serves every CPU
   from Penryn and Silvermont on. */
#ifndef TERN_X86_SSE41_H
#define TERN_X86_SSE41_H

#include "simd/barrier.h"
#include "simd/ops.h"
#include "simd/tiling.h"
#include "simd/unroll.h"

#include <smmintrin.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

static inline __m128i tern_load128(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}
static inline void tern_store128(void *p, __m128i x)
{
    _mm_storeu_si128((__m128i *)p, x);
}
/* Four bytes, and twelve of 0. */
static ALWAYS_INLINE __m128i tern_load32(const void *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm_cvtsi32_si128(four);
}
/* Eight bytes, twice: one load (movddup). */
static ALWAYS_INLINE __m128i tern_eight128(const void *bytes)
{
    double eight;
    memcpy(&eight, bytes, sizeof eight);
    return _mm_castpd_si128(_mm_set1_pd(eight));
}

#endif
