/* Three passes over a row in L1 instead of the reference's five, because every step is monotone in s: the largest and
   the smallest s give max|d| and, through the scalar steps, the row's amax, so y and q come out of one pass. Monotone
   means that no sum wraps; a row that spreads over 2^30 and more is left to the reference. y holds d16 between passes.

   Exact sums of 32-bit lanes: see tern_long_add512. The 16 x 16 bit product is mullo, mulhi and two unpacks, whose lane
   order packssdw undoes. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

_Static_assert(8192 / 16 <= 32768, "tern_long_add512: terms per lane");

struct moments {
    int64_t sum;
    int32_t min, max;
};

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

/* How rshift(d16 * mul, exp) is found. From 16 on the upper half of the product decides, as floor(floor(x / 2^16) / 2^k)
   is floor(x / 2^(16 + k)): with exp = 16 the half is the lower half's top bit, with more it is added to the upper one. */
enum reach { UP_TO_15, AT_16, FROM_17 };

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

/* y holds d16 and receives the result; returns norm2. Lanes past the end are 0 all along. */
static ALWAYS_INLINE int32_t finish_row(const struct unit *u, const enum reach reach, struct tern_s8_scale scale,
                                        const int16_t *gamma, const int16_t *beta, int16_t *y, int8_t *q, int n)
{
    const struct tern_s8_512 s8 = tern_s8_512_of(scale);
    __m512i norm2 = _mm512_setzero_si512();
    int j = 0;
    for (; j + 64 <= n; j += 64) {
        __m512i a = unit32(_mm512_loadu_si512(y + j), u, reach);
        __m512i b = unit32(_mm512_loadu_si512(y + j + 32), u, reach);
        _mm512_storeu_si512(y + j, affine32(a, _mm512_loadu_si512(gamma + j), _mm512_loadu_si512(beta + j)));
        _mm512_storeu_si512(y + j + 32,
                            affine32(b, _mm512_loadu_si512(gamma + j + 32), _mm512_loadu_si512(beta + j + 32)));
        a = tern_to_s8_512(a, s8);
        b = tern_to_s8_512(b, s8);
        norm2 = _mm512_add_epi32(norm2, _mm512_add_epi32(_mm512_madd_epi16(a, a), _mm512_madd_epi16(b, b)));
        _mm512_storeu_si512(q + j, tern_narrow512(a, b));
    }
    for (; j < n; j += 32) {
        const __mmask32 rest = tern_mask32(n - j);
        __m512i a = unit32(_mm512_maskz_loadu_epi16(rest, y + j), u, reach);
        __m512i r = affine32(a, _mm512_maskz_loadu_epi16(rest, gamma + j), _mm512_maskz_loadu_epi16(rest, beta + j));
        _mm512_mask_storeu_epi16(y + j, rest, r);
        a = tern_to_s8_512(a, s8);
        norm2 = _mm512_add_epi32(norm2, _mm512_madd_epi16(a, a));
        _mm256_mask_storeu_epi8(q + j, tern_mask32(tern_round_up(n, TERN_PANEL_K) - j), _mm512_cvtepi16_epi8(a));
    }
    return _mm512_reduce_add_epi32(norm2);
}

/* A row between the passes. */
struct line {
    int64_t mean, high, low; /* largest and smallest s - mean */
    int shift, wide;         /* wide: left to the reference */
    struct tern_layernorm_scale unit;
};

static struct line line_of(const int32_t *s, int n)
{
    const struct moments m = moments(s, n);
    const int64_t mean = tern_floor_div(m.sum + n / 2, n), high = m.max - mean, low = m.min - mean;
    const struct line l = {.mean = mean, .high = high, .low = low, .wide = high >= 1 << 30 || low <= -(1 << 30)};
    return l;
}

static void scale_line(struct line *l, const int32_t *s, uint64_t eps, int16_t *y, int n)
{
    const uint32_t dmax = (uint32_t)(l->high > -l->low ? l->high : -l->low);
    l->shift = dmax ? tern_layernorm_shift(dmax) : 0;
    const uint64_t sum2 = l->shift > 0 ? scale_row(s, (uint32_t)l->mean, l->shift, 1, y, n)
                                       : scale_row(s, (uint32_t)l->mean, l->shift, 0, y, n);
    const struct tern_layernorm_scale constant = {0, 14};
    l->unit = dmax ? tern_layernorm_scale_of(sum2, eps, l->shift) : constant;
}

static void finish_line(const struct line *l, const int16_t *gamma, const int16_t *beta, int16_t *y, int8_t *q,
                        struct tern_row *row, int n)
{
    const int32_t top = tern_layernorm_n16(tern_layernorm_d16((int32_t)l->high, l->shift), l->unit);
    const int32_t bottom = -tern_layernorm_n16(tern_layernorm_d16((int32_t)l->low, l->shift), l->unit);
    row->amax = top > bottom ? top : bottom;
    const struct unit u = unit_of(l->unit);
    const struct tern_s8_scale scale = tern_s8_scale_of(row->amax);
    if (l->unit.exp > 16)
        row->norm2 = finish_row(&u, FROM_17, scale, gamma, beta, y, q, n);
    else if (l->unit.exp == 16)
        row->norm2 = finish_row(&u, AT_16, scale, gamma, beta, y, q, n);
    else
        row->norm2 = finish_row(&u, UP_TO_15, scale, gamma, beta, y, q, n);
}

/* Rows that go through each pass together: what ends a pass, sums across lanes and a root, is a chain of steps that
   wait for each other, which the next row's loop hides (n = 768, Zen 5: 47 of 116 ns were such waiting). */
enum { TOGETHER = 4 };

void tern_layernorm_avx512bw(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                             int16_t *y, int8_t *q, ptrdiff_t ld_q, struct tern_row *row, int m, int n)
{
    for (; m > 0; m -= TOGETHER, s += TOGETHER * ld, y += TOGETHER * ld, q += TOGETHER * ld_q, row += TOGETHER) {
        struct line line[TOGETHER];
        const int rows = m < TOGETHER ? m : TOGETHER;
        for (int i = 0; i < rows; i++)
            line[i] = line_of(s + i * ld, n);
        for (int i = 0; i < rows; i++)
            if (!line[i].wide)
                scale_line(&line[i], s + i * ld, eps, y + i * ld, n);
        for (int i = 0; i < rows; i++)
            if (!line[i].wide)
                finish_line(&line[i], gamma, beta, y + i * ld, q + i * ld_q, row + i, n);
            else
                tern_layernorm_ref(s + i * ld, ld, gamma, beta, eps, y + i * ld, q + i * ld_q, ld_q, row + i, 1, n);
    }
}
