/* Sums of rows that have exponents with AVX2. vpmuldq multiplies the even lanes to 64 bits; the odd ones are brought
   there and back. AVX2 has no arithmetic shift of 64 bits: numbers within 2^61 are made positive by 2^62, which is
   taken away again behind the shift. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

/* A rounding shift to the right. */
struct shift {
    __m128i count;
    __m256i before, behind;
};

static struct shift shift_of(int bits)
{
    const int64_t up = 1ll << 62, half = bits ? (int64_t)1 << (bits - 1) : (int64_t)0;
    const struct shift s = {_mm_cvtsi32_si128(bits), _mm256_set1_epi64x((int64_t)((uint64_t)up + (uint64_t)half)),
                            _mm256_set1_epi64x(up >> bits)};
    return s;
}

static ALWAYS_INLINE __m256i shift64(__m256i x, struct shift s)
{
    return _mm256_sub_epi64(_mm256_srl_epi64(_mm256_add_epi64(x, s.before), s.count), s.behind);
}

/* Within 2^30 of either sign. */
static ALWAYS_INLINE __m256i clamp64(__m256i x)
{
    const __m256i most = _mm256_set1_epi64x(1 << 30), least = _mm256_set1_epi64x(-(1 << 30));
    x = _mm256_blendv_epi8(x, most, _mm256_cmpgt_epi64(x, most));
    return _mm256_blendv_epi8(x, least, _mm256_cmpgt_epi64(least, x));
}

static ALWAYS_INLINE __m256i odd(__m256i x)
{
    return _mm256_shuffle_epi32(x, 0xF5);
}

/* The lower halves of even and odd lanes' 64 bits. */
static ALWAYS_INLINE __m256i join(__m256i even, __m256i from_odd)
{
    return _mm256_blend_epi32(even, _mm256_slli_epi64(from_odd, 32), 0xAA);
}

void tern_scaled_avx2(const int32_t *acc, int32_t *sum, const int16_t *mul, const int16_t *gamma, const int32_t *bias,
                      const struct tern_scaled_scale *scale, int n)
{
    const struct shift down = shift_of(scale->down > 0 ? scale->down : 0), product = shift_of(scale->product),
                       added = shift_of(scale->added > 0 ? scale->added : 0);
    const __m128i up = _mm_cvtsi32_si128(scale->down < 0 ? -scale->down : 0), lower = _mm_cvtsi32_si128(scale->bias);
    const __m256i factor = _mm256_set1_epi64x(scale->factor),
                  half = _mm256_set1_epi32(scale->bias ? 1 << (scale->bias - 1) : 0);
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        const __m256i a = tern_load256(acc + j),
                      m = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(mul + j)));
        __m256i even = clamp64(shift64(_mm256_sll_epi64(_mm256_mul_epi32(a, m), up), down)),
                rest = clamp64(shift64(_mm256_sll_epi64(_mm256_mul_epi32(odd(a), odd(m)), up), down));
        even = shift64(_mm256_mul_epi32(even, factor), product);
        rest = shift64(_mm256_mul_epi32(rest, factor), product);
        __m256i s =
            _mm256_add_epi32(join(even, rest), _mm256_sra_epi32(_mm256_add_epi32(tern_load256(bias + j), half), lower));
        if (scale->added >= 0) {
            const __m256i before = tern_load256(sum + j);
            const __m256i g = gamma ? _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(gamma + j)))
                                    : _mm256_set1_epi32(1);
            even = shift64(_mm256_mul_epi32(before, g), added);
            rest = shift64(_mm256_mul_epi32(odd(before), odd(g)), added);
            s = _mm256_add_epi32(s, join(even, rest));
        }
        tern_store256(sum + j, s);
    }
    for (; j < n; j++)
        sum[j] = tern_scaled1(acc[j], sum[j], mul[j], gamma ? gamma[j] : 1, bias[j], scale);
}
