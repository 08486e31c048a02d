/* Normalises rows with AVX-512BW: the three passes of layernorm_template.h. How sums of 32-bit lanes stay exact: see
   tern_long_add512. The 16 x 16 bit product is mullo, mulhi and two unpacks, whose lane order packssdw undoes. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"
#include "simd/x86/layernorm_template.h"

_Static_assert(8192 / 16 <= 32768, "tern_long_add512: terms per lane");

static struct moments moments(const int32_t *s, int n)
{
    struct tern_long_sum512 sum = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    __m512i min = _mm512_set1_epi32(s[0]), max = min;
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        __m512i x = _mm512_loadu_si512(s + j);
        tern_long_add512(&sum, x);
        min = _mm512_min_epi32(min, x);
        max = _mm512_max_epi32(max, x);
    }
    if (j < n) {
        const __mmask16 rest = tern_mask16(n - j);
        __m512i x = _mm512_maskz_loadu_epi32(rest, s + j);
        tern_long_add512(&sum, x);
        min = _mm512_mask_min_epi32(min, rest, min, x);
        max = _mm512_mask_max_epi32(max, rest, max, x);
    }
    struct moments m = {tern_long_total512(&sum), _mm512_reduce_min_epi32(min), _mm512_reduce_max_epi32(max)};
    return m;
}

/* d16 of 32 values; `offset` is -mean, plus the rounding of a right shift. */
static ALWAYS_INLINE __m512i scale32(__m512i low, __m512i high, __m512i offset, __m512i shift, const int right)
{
    low = _mm512_add_epi32(low, offset);
    high = _mm512_add_epi32(high, offset);
    low = right ? _mm512_srav_epi32(low, shift) : _mm512_sllv_epi32(low, shift);
    high = right ? _mm512_srav_epi32(high, shift) : _mm512_sllv_epi32(high, shift);
    return _mm512_max_epi16(tern_straight(_mm512_packs_epi32(low, high)), _mm512_set1_epi16(-32767));
}

/* Stores d16 and returns the sum of its squares; a pair of them is at most 2 * 32767^2 < 2^31. */
static ALWAYS_INLINE uint64_t scale_row(const int32_t *s, uint32_t mean, int shift, const int right, int16_t *d16,
                                        int n)
{
    const __m512i offset = _mm512_set1_epi32((int32_t)((right ? 1u << (shift - 1) : 0) - mean));
    const __m512i count = _mm512_set1_epi32(right ? shift : -shift);
    struct tern_long_sum512 sum2 = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        __m512i d = scale32(_mm512_loadu_si512(s + j), _mm512_loadu_si512(s + j + 16), offset, count, right);
        tern_long_add512(&sum2, _mm512_madd_epi16(d, d));
        _mm512_storeu_si512(d16 + j, d);
    }
    if (j < n) {
        const __mmask32 rest = tern_mask32(n - j);
        __m512i low = _mm512_maskz_loadu_epi32((__mmask16)rest, s + j);
        __m512i high = _mm512_maskz_loadu_epi32((__mmask16)(rest >> 16), s + j + 16);
        __m512i d = _mm512_maskz_mov_epi16(rest, scale32(low, high, offset, count, right));
        tern_long_add512(&sum2, _mm512_madd_epi16(d, d));
        _mm512_mask_storeu_epi16(d16 + j, rest, d);
    }
    return (uint64_t)tern_long_total512(&sum2);
}

struct unit {
    __m512i mul, half, count; /* FROM_17 */
    struct tern_rshift512 exp;
};

static struct unit unit_of(struct tern_layernorm_scale unit)
{
    const int more = unit.exp > 16 ? unit.exp - 16 : 1;
    const struct unit u = {_mm512_set1_epi16(unit.mul), _mm512_set1_epi16((int16_t)(1 << (more - 1))),
                           _mm512_set1_epi16((int16_t)more), tern_rshift512_of(unit.exp)};
    return u;
}

static ALWAYS_INLINE __m512i unit32(__m512i d16, const struct unit *u, const enum reach reach)
{
    const __m512i high = _mm512_mulhi_epi16(d16, u->mul);
    if (reach == FROM_17)
        return _mm512_srav_epi16(_mm512_add_epi16(high, u->half), u->count);
    const __m512i low = _mm512_mullo_epi16(d16, u->mul);
    if (reach == AT_16)
        return _mm512_add_epi16(high, _mm512_srli_epi16(low, 15));
    __m512i a = tern_rshift512(_mm512_unpacklo_epi16(low, high), u->exp);
    __m512i b = tern_rshift512(_mm512_unpackhi_epi16(low, high), u->exp);
    return _mm512_max_epi16(_mm512_packs_epi32(a, b), _mm512_set1_epi16(-32767));
}

static ALWAYS_INLINE __m512i affine32(__m512i n16, __m512i gamma, __m512i beta)
{
    return _mm512_max_epi16(_mm512_adds_epi16(_mm512_mulhrs_epi16(n16, gamma), beta), _mm512_set1_epi16(-32767));
}

/* y holds d16 and receives the result. */
static ALWAYS_INLINE void finish_row(struct tern_layernorm_scale unit, const enum reach reach, const int16_t *gamma,
                                     const int16_t *beta, int16_t *y, int16_t *x, int n)
{
    const struct unit u = unit_of(unit);
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        const __m512i n16 = unit32(_mm512_loadu_si512(y + j), &u, reach);
        _mm512_storeu_si512(x + j, n16);
        _mm512_storeu_si512(y + j, affine32(n16, _mm512_loadu_si512(gamma + j), _mm512_loadu_si512(beta + j)));
    }
    if (j < n) {
        const __mmask32 rest = tern_mask32(n - j);
        const __m512i n16 = unit32(_mm512_maskz_loadu_epi16(rest, y + j), &u, reach);
        const __m512i r =
            affine32(n16, _mm512_maskz_loadu_epi16(rest, gamma + j), _mm512_maskz_loadu_epi16(rest, beta + j));
        _mm512_mask_storeu_epi16(x + j, rest, n16);
        _mm512_mask_storeu_epi16(y + j, rest, r);
    }
}

void tern_layernorm_avx512bw(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                             int rms, int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    norm_rows(s, ld, gamma, beta, eps, rms, y, x, ld_x, m, n);
}
