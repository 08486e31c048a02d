/* Sums of rows that have exponents with AVX-512BW, eight columns at a time in 64-bit lanes; the lanes past the end load
   as 0. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

/* A rounding shift to the right. */
struct shift {
    __m128i count;
    __m512i half;
};

static struct shift shift_of(int bits)
{
    const struct shift s = {_mm_cvtsi32_si128(bits), _mm512_set1_epi64(bits ? 1ll << (bits - 1) : 0)};
    return s;
}

static ALWAYS_INLINE __m512i shift64(__m512i x, struct shift s)
{
    return _mm512_sra_epi64(_mm512_add_epi64(x, s.half), s.count);
}

static ALWAYS_INLINE __m512i load32(const int32_t *x, __mmask8 lanes)
{
    return _mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(lanes, x));
}

static ALWAYS_INLINE __m512i load16(const int16_t *x, __mmask8 lanes)
{
    return _mm512_cvtepi16_epi64(_mm_maskz_loadu_epi16(lanes, x));
}

void tern_scaled_avx512bw(const int32_t *acc, int32_t *sum, const int16_t *mul, const int16_t *gamma,
                          const int32_t *bias, const struct tern_scaled_scale *scale, int n)
{
    const struct shift down = shift_of(scale->down > 0 ? scale->down : 0), product = shift_of(scale->product),
                       lower = shift_of(scale->bias), added = shift_of(scale->added > 0 ? scale->added : 0);
    const __m128i up = _mm_cvtsi32_si128(scale->down < 0 ? -scale->down : 0);
    const __m512i factor = _mm512_set1_epi64(scale->factor), most = _mm512_set1_epi64(1 << 30),
                  least = _mm512_set1_epi64(-(1 << 30));
    for (int j = 0; j < n; j += 8) {
        const __mmask8 lanes = (__mmask8)tern_mask16(n - j);
        __m512i t = _mm512_sll_epi64(_mm512_mul_epi32(load32(acc + j, lanes), load16(mul + j, lanes)), up);
        t = _mm512_max_epi64(_mm512_min_epi64(shift64(t, down), most), least);
        __m512i s =
            _mm512_add_epi64(shift64(_mm512_mul_epi32(t, factor), product), shift64(load32(bias + j, lanes), lower));
        if (scale->added >= 0) {
            const __m512i g = gamma ? load16(gamma + j, lanes) : _mm512_set1_epi64(1);
            s = _mm512_add_epi64(s, shift64(_mm512_mul_epi32(load32(sum + j, lanes), g), added));
        }
        _mm256_mask_storeu_epi32(sum + j, lanes, _mm512_cvtepi64_epi32(s));
    }
}
