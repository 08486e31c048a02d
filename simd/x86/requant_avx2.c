/* Brings accumulators to int16 with AVX2, 16 columns at a time: packssdw is the saturation, one permute sets its lanes
   straight, the rest is 16-bit. The last, incomplete group is done again from column n - 16 on, as nothing is in place.
   */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

static ALWAYS_INLINE void requant16(const int32_t *acc, int16_t *out, const int32_t *left, const int16_t *mul,
                                    const int16_t *bias, const struct tern_scale256 *s)
{
    __m256i low = tern_rshift256(tern_shifted256(acc, left, 0), s->shift),
            high = tern_rshift256(tern_shifted256(acc, left, 8), s->shift);
    __m256i a = tern_straight256(_mm256_packs_epi32(low, high));
    __m256i scaled = _mm256_mulhrs_epi16(a, _mm256_mulhrs_epi16(tern_load256(mul), s->mul));
    __m256i sum = _mm256_adds_epi16(scaled, tern_load256(bias));
    tern_store256(out, _mm256_max_epi16(sum, _mm256_set1_epi16(-32767)));
}

static ALWAYS_INLINE void requant(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                                  const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                                  const int16_t *bias, int m, int n)
{
    for (int i = 0; i < m; i++, acc += ld_acc, out += ld_out) {
        const struct tern_scale256 s = tern_scale256_of(&row[i]);
        int j = 0;
        for (; j + 16 <= n; j += 16)
            requant16(acc + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        if (j < n) {
            j = n - 16;
            requant16(acc + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        }
    }
}

void tern_requant_avx2(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                       const struct tern_row_scale *row, const int32_t *left, const int16_t *mul, const int16_t *bias,
                       int m, int n)
{
    if (n < 16)
        tern_requant_ref(acc, ld_acc, out, ld_out, row, left, mul, bias, m, n);
    else if (left)
        requant(acc, ld_acc, out, ld_out, row, left, mul, bias, m, n);
    else
        requant(acc, ld_acc, out, ld_out, row, NULL, mul, bias, m, n);
}
