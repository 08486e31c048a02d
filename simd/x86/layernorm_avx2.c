/* Normalises rows with AVX2: the three passes of layernorm_template.h. How sums of 32-bit lanes stay exact: see
   tern_long_add256. The 16 x 16 bit product is mullo, mulhi and two unpacks, whose lane order packssdw undoes. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"
#include "simd/x86/layernorm_template.h"

_Static_assert(8192 / 8 <= 32768, "tern_long_add256: terms per lane");

static int32_t reduce_max(__m256i x)
{
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
}

static struct moments moments(const int32_t *s, int n)
{
    const __m256i ones = _mm256_set1_epi32(-1);
    struct tern_long_sum256 sum = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    __m256i min = _mm256_set1_epi32(s[0]), max = min;
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        __m256i x = tern_load256(s + j);
        tern_long_add256(&sum, x);
        min = _mm256_min_epi32(min, x);
        max = _mm256_max_epi32(max, x);
    }
    struct moments m = {tern_long_total256(&sum), ~reduce_max(_mm256_xor_si256(min, ones)), reduce_max(max)};
    for (; j < n; j++) {
        m.sum += s[j];
        m.min = s[j] < m.min ? s[j] : m.min;
        m.max = s[j] > m.max ? s[j] : m.max;
    }
    return m;
}

/* d16 of 8 values in 32 bits; `offset` is -mean, plus the rounding of a right shift. */
static ALWAYS_INLINE __m256i scale8(const int32_t *s, __m256i offset, __m256i shift, const int right)
{
    __m256i d = _mm256_add_epi32(tern_load256(s), offset);
    return right ? _mm256_srav_epi32(d, shift) : _mm256_sllv_epi32(d, shift);
}

/* Stores d16 and returns the sum of its squares; a pair of them is at most 2 * 32767^2 < 2^31. */
static ALWAYS_INLINE uint64_t scale_row(const int32_t *s, uint32_t mean, int shift, const int right, int16_t *d16,
                                        int n)
{
    const __m256i offset = _mm256_set1_epi32((int32_t)((right ? 1u << (shift - 1) : 0) - mean));
    const __m256i count = _mm256_set1_epi32(right ? shift : -shift);
    struct tern_long_sum256 squares = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        __m256i d = _mm256_packs_epi32(scale8(s + j, offset, count, right), scale8(s + j + 8, offset, count, right));
        d = _mm256_max_epi16(tern_straight256(d), _mm256_set1_epi16(-32767));
        tern_long_add256(&squares, _mm256_madd_epi16(d, d));
        tern_store256(d16 + j, d);
    }
    uint64_t sum2 = (uint64_t)tern_long_total256(&squares);
    for (; j < n; j++) {
        d16[j] = tern_layernorm_d16((int32_t)((uint32_t)s[j] - mean), shift);
        sum2 += (uint64_t)(d16[j] * d16[j]);
    }
    return sum2;
}

struct unit {
    __m256i mul, half;
    __m128i count; /* FROM_17 */
    struct tern_rshift256 exp;
};

static ALWAYS_INLINE struct unit unit_of(struct tern_layernorm_scale unit)
{
    const int more = unit.exp > 16 ? unit.exp - 16 : 1;
    const struct unit u = {_mm256_set1_epi16(unit.mul), _mm256_set1_epi16((int16_t)(1 << (more - 1))),
                           _mm_cvtsi32_si128(more), tern_rshift256_of(unit.exp)};
    return u;
}

static ALWAYS_INLINE __m256i unit16(const int16_t *d16, const struct unit *u, const enum reach reach)
{
    const __m256i d = tern_load256(d16), high = _mm256_mulhi_epi16(d, u->mul);
    if (reach == FROM_17)
        return _mm256_sra_epi16(_mm256_add_epi16(high, u->half), u->count);
    const __m256i low = _mm256_mullo_epi16(d, u->mul);
    if (reach == AT_16)
        return _mm256_add_epi16(high, _mm256_srli_epi16(low, 15));
    __m256i a = tern_rshift256(_mm256_unpacklo_epi16(low, high), u->exp);
    __m256i b = tern_rshift256(_mm256_unpackhi_epi16(low, high), u->exp);
    return _mm256_max_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(-32767));
}

/* y holds d16 and receives the result. */
static ALWAYS_INLINE void affine16(int16_t *y, int16_t *x, const int16_t *gamma, const int16_t *beta,
                                   const struct unit *u, const enum reach reach)
{
    const __m256i n16 = unit16(y, u, reach);
    const __m256i sum = _mm256_adds_epi16(_mm256_mulhrs_epi16(n16, tern_load256(gamma)), tern_load256(beta));
    tern_store256(x, n16);
    tern_store256(y, _mm256_max_epi16(sum, _mm256_set1_epi16(-32767)));
}

static ALWAYS_INLINE void finish_row(struct tern_layernorm_scale unit, const enum reach reach, const int16_t *gamma,
                                     const int16_t *beta, int16_t *y, int16_t *x, int n)
{
    const struct unit u = unit_of(unit);
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        affine16(y + j, x + j, gamma + j, beta + j, &u, reach);
        affine16(y + j + 16, x + j + 16, gamma + j + 16, beta + j + 16, &u, reach);
    }
    if (j + 16 <= n) {
        affine16(y + j, x + j, gamma + j, beta + j, &u, reach);
        j += 16;
    }
    for (; j < n; j++) {
        x[j] = tern_layernorm_n16(y[j], unit);
        y[j] = tern_max16(tern_adds(tern_mulr(x[j], gamma[j]), beta[j]), -32767);
    }
}

void tern_layernorm_avx2(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                         int rms, int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    norm_rows(s, ld, gamma, beta, eps, rms, y, x, ld_x, m, n);
}
