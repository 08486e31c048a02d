/* Template: normalises rows: the three passes of layernorm_template.h. How sums of 32-bit lanes stay exact: see
   vi_long_add. The 16 x 16 bit product is mullo, mulhi and two unpacks, whose lane order packssdw undoes. Gives
   vi_layernorm().

   Included by layernorm_avx2.c and layernorm_sse41.c, after their header of vectors. */
#ifndef TERN_X86_LAYERNORM_PASSES_TEMPLATE_H
#define TERN_X86_LAYERNORM_PASSES_TEMPLATE_H

#include "simd/x86/layernorm_template.h"

_Static_assert(8192 / VI_S32 <= 32768, "vi_long_add: terms per lane");

static struct moments moments(const int32_t *s, int n)
{
    const vi ones = VI(set1_epi32)(-1);
    struct vi_long_sum sum = {vi_zero(), vi_zero()};
    vi min = VI(set1_epi32)(s[0]), max = min;
    int j = 0;
    for (; j + VI_S32 <= n; j += VI_S32) {
        vi x = vi_load(s + j);
        vi_long_add(&sum, x);
        min = VI(min_epi32)(min, x);
        max = VI(max_epi32)(max, x);
    }
    struct moments m = {vi_long_total(&sum), ~vi_max_s32(vi_xor(min, ones)), vi_max_s32(max)};
    for (; j < n; j++) {
        m.sum += s[j];
        m.min = s[j] < m.min ? s[j] : m.min;
        m.max = s[j] > m.max ? s[j] : m.max;
    }
    return m;
}

/* d16 of VI_S32 values in 32 bits; `offset` is -mean, plus the rounding of a right shift. */
static ALWAYS_INLINE vi scaled_group(const int32_t *s, vi offset, vi_count shift, const int right)
{
    vi d = VI(add_epi32)(vi_load(s), offset);
    return right ? vi_sra32(d, shift) : vi_sll32(d, shift);
}

/* Stores d16 and returns the sum of its squares; a pair of them is at most 2 * 32767^2 < 2^31. */
static ALWAYS_INLINE uint64_t scale_row(const int32_t *s, uint32_t mean, int shift, const int right, int16_t *d16,
                                        int n)
{
    const vi offset = VI(set1_epi32)((int32_t)((right ? 1u << (shift - 1) : 0) - mean));
    const vi_count count = vi_count32(right ? shift : -shift);
    struct vi_long_sum squares = {vi_zero(), vi_zero()};
    int j = 0;
    for (; j + VI_S16 <= n; j += VI_S16) {
        vi d = VI(packs_epi32)(scaled_group(s + j, offset, count, right),
                               scaled_group(s + j + VI_S32, offset, count, right));
        d = VI(max_epi16)(vi_straight(d), VI(set1_epi16)(-32767));
        vi_long_add(&squares, VI(madd_epi16)(d, d));
        vi_store(d16 + j, d);
    }
    uint64_t sum2 = (uint64_t)vi_long_total(&squares);
    for (; j < n; j++) {
        d16[j] = tern_layernorm_d16((int32_t)((uint32_t)s[j] - mean), shift);
        sum2 += (uint64_t)(d16[j] * d16[j]);
    }
    return sum2;
}

struct unit {
    vi mul, half;
    __m128i count; /* FROM_17 */
    struct vi_rshift exp;
};

static ALWAYS_INLINE struct unit unit_of(struct tern_layernorm_scale unit)
{
    const int more = unit.exp > 16 ? unit.exp - 16 : 1;
    const struct unit u = {VI(set1_epi16)(unit.mul), VI(set1_epi16)((int16_t)(1 << (more - 1))),
                           _mm_cvtsi32_si128(more), vi_rshift_of(unit.exp)};
    return u;
}

static ALWAYS_INLINE vi unit_group(const int16_t *d16, const struct unit *u, const enum reach reach)
{
    const vi d = vi_load(d16), high = VI(mulhi_epi16)(d, u->mul);
    if (reach == FROM_17)
        return VI(sra_epi16)(VI(add_epi16)(high, u->half), u->count);
    const vi low = VI(mullo_epi16)(d, u->mul);
    if (reach == AT_16)
        return VI(add_epi16)(high, VI(srli_epi16)(low, 15));
    vi a = vi_rshift(VI(unpacklo_epi16)(low, high), u->exp);
    vi b = vi_rshift(VI(unpackhi_epi16)(low, high), u->exp);
    return VI(max_epi16)(VI(packs_epi32)(a, b), VI(set1_epi16)(-32767));
}

/* y holds d16 and receives the result. */
static ALWAYS_INLINE void affine_group(int16_t *y, int16_t *x, const int16_t *gamma, const int16_t *beta,
                                       const struct unit *u, const enum reach reach)
{
    const vi n16 = unit_group(y, u, reach);
    const vi sum = VI(adds_epi16)(VI(mulhrs_epi16)(n16, vi_load(gamma)), vi_load(beta));
    vi_store(x, n16);
    vi_store(y, VI(max_epi16)(sum, VI(set1_epi16)(-32767)));
}

static ALWAYS_INLINE void finish_row(struct tern_layernorm_scale unit, const enum reach reach, const int16_t *gamma,
                                     const int16_t *beta, int16_t *y, int16_t *x, int n)
{
    const struct unit u = unit_of(unit);
    int j = 0;
    for (; j + 2 * VI_S16 <= n; j += 2 * VI_S16) {
        affine_group(y + j, x + j, gamma + j, beta + j, &u, reach);
        affine_group(y + j + VI_S16, x + j + VI_S16, gamma + j + VI_S16, beta + j + VI_S16, &u, reach);
    }
    if (j + VI_S16 <= n) {
        affine_group(y + j, x + j, gamma + j, beta + j, &u, reach);
        j += VI_S16;
    }
    for (; j < n; j++) {
        x[j] = tern_layernorm_n16(y[j], unit);
        y[j] = tern_max16(tern_adds(tern_mulr(x[j], gamma[j]), beta[j]), -32767);
    }
}

static ALWAYS_INLINE void vi_layernorm(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta,
                                       uint64_t eps, int rms, int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    norm_rows(s, ld, gamma, beta, eps, rms, y, x, ld_x, m, n);
}

#endif
