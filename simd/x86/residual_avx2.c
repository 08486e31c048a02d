/* Adds accumulators to the residual stream with AVX2, 16 columns at a time. The 16 x 16 bit product to 32 bits is
   mullo, mulhi and two unpacks, which undo exactly the lane order that packssdw made; so only the multipliers are
   permuted. The last, incomplete group is done again from column n - 16 on, as nothing is in place. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

struct scale {
    struct tern_rshift256 shift, exp;
    __m256i mul, up;
};

static ALWAYS_INLINE void total8(int32_t *out, const int16_t *y, const int32_t *bias, __m256i sub,
                                 const struct scale *s)
{
    __m256i stream = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)y));
    stream = _mm256_sllv_epi32(stream, s->up);
    tern_store256(out, _mm256_add_epi32(_mm256_add_epi32(stream, sub), tern_load256(bias)));
}

static ALWAYS_INLINE void residual16(const int32_t *acc, const int16_t *y, int32_t *out, const int32_t *left,
                                     const int16_t *mul, const int32_t *bias, const struct scale *s)
{
    __m256i low = tern_rshift256(tern_shifted256(acc, left, 0), s->shift),
            high = tern_rshift256(tern_shifted256(acc, left, 8), s->shift);
    __m256i a = _mm256_packs_epi32(low, high);
    __m256i b = tern_straight256(_mm256_mulhrs_epi16(tern_load256(mul), s->mul));
    low = _mm256_mullo_epi16(a, b);
    high = _mm256_mulhi_epi16(a, b);
    total8(out, y, bias, tern_rshift256(_mm256_unpacklo_epi16(low, high), s->exp), s);
    total8(out + 8, y + 8, bias + 8, tern_rshift256(_mm256_unpackhi_epi16(low, high), s->exp), s);
}

static ALWAYS_INLINE void residual(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                                   ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left,
                                   const int16_t *mul, const int32_t *bias, int up, int m, int n)
{
    for (int i = 0; i < m; i++, acc += ld_acc, y += ld_y, out += ld_out) {
        const struct scale s = {tern_rshift256_of(row[i].shift), tern_rshift256_of(row[i].exp),
                                _mm256_set1_epi16((int16_t)row[i].mul), _mm256_set1_epi32(up)};
        int j = 0;
        for (; j + 16 <= n; j += 16)
            residual16(acc + j, y + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        if (j < n) {
            j = n - 16;
            residual16(acc + j, y + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        }
    }
}

void tern_residual_avx2(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                        ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                        const int32_t *bias, int up, int m, int n)
{
    if (n < 16)
        tern_residual_ref(acc, ld_acc, y, ld_y, out, ld_out, row, left, mul, bias, up, m, n);
    else if (left)
        residual(acc, ld_acc, y, ld_y, out, ld_out, row, left, mul, bias, up, m, n);
    else
        residual(acc, ld_acc, y, ld_y, out, ld_out, row, NULL, mul, bias, up, m, n);
}
