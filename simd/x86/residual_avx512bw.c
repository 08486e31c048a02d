/* Adds accumulators to the residual stream with AVX-512BW, 32 columns at a time. The 16 x 16 bit product to 32 bits is
   mullo, mulhi and two unpacks, which undo exactly the lane order that packssdw made; so only the multipliers are
   permuted. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

struct scale {
    struct tern_rshift512 shift, exp;
    __m512i mul, up;
};

struct columns {
    __m512i low, high;
};

static ALWAYS_INLINE struct columns subtotal32(struct columns acc, __m512i mul, const struct scale *s)
{
    __m512i a = _mm512_packs_epi32(tern_rshift512(acc.low, s->shift), tern_rshift512(acc.high, s->shift));
    __m512i b = tern_mixed(_mm512_mulhrs_epi16(mul, s->mul));
    __m512i low = _mm512_mullo_epi16(a, b), high = _mm512_mulhi_epi16(a, b);
    struct columns sub = {tern_rshift512(_mm512_unpacklo_epi16(low, high), s->exp),
                          tern_rshift512(_mm512_unpackhi_epi16(low, high), s->exp)};
    return sub;
}

static ALWAYS_INLINE __m512i total16(__m512i sub, __m256i y, __m512i bias, const struct scale *s)
{
    __m512i stream = _mm512_sllv_epi32(_mm512_cvtepi16_epi32(y), s->up);
    return _mm512_add_epi32(_mm512_add_epi32(stream, sub), bias);
}

static ALWAYS_INLINE void residual_row(const int32_t *acc, const int16_t *y, int32_t *out, const struct scale *s,
                                       const int32_t *left, const int16_t *mul, const int32_t *bias, int n)
{
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        struct columns x = {tern_shifted512(acc, left, j), tern_shifted512(acc, left, j + 16)};
        x = subtotal32(x, _mm512_loadu_si512(mul + j), s);
        const __m256i *y16 = (const __m256i *)(y + j);
        _mm512_storeu_si512(out + j, total16(x.low, _mm256_loadu_si256(y16), _mm512_loadu_si512(bias + j), s));
        _mm512_storeu_si512(out + j + 16,
                            total16(x.high, _mm256_loadu_si256(y16 + 1), _mm512_loadu_si512(bias + j + 16), s));
    }
    if (j < n) {
        const __mmask32 rest = tern_mask32(n - j);
        const __mmask16 low = (__mmask16)rest, high = (__mmask16)(rest >> 16);
        struct columns x = {tern_rest_shifted512(acc, left, j, low), tern_rest_shifted512(acc, left, j + 16, high)};
        x = subtotal32(x, _mm512_maskz_loadu_epi16(rest, mul + j), s);
        x.low = total16(x.low, _mm256_maskz_loadu_epi16(low, y + j), _mm512_maskz_loadu_epi32(low, bias + j), s);
        x.high = total16(x.high, _mm256_maskz_loadu_epi16(high, y + j + 16),
                         _mm512_maskz_loadu_epi32(high, bias + j + 16), s);
        _mm512_mask_storeu_epi32(out + j, low, x.low);
        _mm512_mask_storeu_epi32(out + j + 16, high, x.high);
    }
}

void tern_residual_avx512bw(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                            ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                            const int32_t *bias, int up, int m, int n)
{
    for (int i = 0; i < m; i++) {
        const struct scale s = {tern_rshift512_of(row[i].shift), tern_rshift512_of(row[i].exp),
                                _mm512_set1_epi16((int16_t)row[i].mul), _mm512_set1_epi32(up)};
        if (left)
            residual_row(acc + i * ld_acc, y + i * ld_y, out + i * ld_out, &s, left, mul, bias, n);
        else
            residual_row(acc + i * ld_acc, y + i * ld_y, out + i * ld_out, &s, NULL, mul, bias, n);
    }
}
