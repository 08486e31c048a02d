/* Template: adds a row to accumulators whose panels have units of their own: 64-bit sums of the even columns and of the
   odd ones, which are made twice, for the shift and to be shifted. A sum that was shifted has 30 bits: its lower half
   is the same whatever comes in from above. Gives vi_mix().

   Included by mix_avx2.c and mix_sse41.c, after their header of vectors. */
#ifndef TERN_X86_MIX_TEMPLATE_H
#define TERN_X86_MIX_TEMPLATE_H

struct terms {
    vi mul, half;
    vi_count exp;
};
struct sums {
    vi even, odd;
};

/* y's term of every other column, negated where `sign` is all ones. */
static ALWAYS_INLINE vi own(vi magnitude, vi sign, struct terms t)
{
    const vi x = vi_srl64(VI(add_epi64)(VI(mul_epu32)(magnitude, t.mul), t.half), t.exp);
    return VI(sub_epi64)(vi_xor(x, sign), sign);
}

static ALWAYS_INLINE struct sums sums_of(const int32_t *acc, int32_t unit, const int16_t *y, struct terms t)
{
    const vi a = vi_load(acc), u = VI(set1_epi32)(unit);
    const vi v = vi_load_s16(y);
    const vi magnitude = VI(abs_epi32)(v), sign = VI(srai_epi32)(v, 31);
    const vi even = own(magnitude, VI(shuffle_epi32)(sign, 0xA0), t);
    const vi odd = own(VI(srli_epi64)(magnitude, 32), VI(shuffle_epi32)(sign, 0xF5), t);
    return (struct sums){VI(add_epi64)(VI(mul_epi32)(a, u), even),
                         VI(add_epi64)(VI(mul_epi32)(VI(srli_epi64)(a, 32), u), odd)};
}

static ALWAYS_INLINE vi magnitude64(vi x)
{
    const vi sign = vi_greater64(vi_zero(), x);
    return VI(sub_epi64)(vi_xor(x, sign), sign);
}

static ALWAYS_INLINE int vi_mix(const int32_t *acc, const int32_t *unit, const int16_t *y, struct tern_real real,
                                int32_t *sum, int n)
{
    const struct terms t = {VI(set1_epi32)(real.mul), VI(set1_epi64x)((int64_t)(1ull << (real.exp - 1))),
                            vi_count64(real.exp)};
    vi any = vi_zero();
    uint64_t lanes[VI_S32 / 2], most = 0;
    int j = 0;
    for (; j + VI_S32 <= n; j += VI_S32) {
        const struct sums s = sums_of(acc + j, unit[j / TERN_PANEL], y + j, t);
        any = vi_or(any, vi_or(magnitude64(s.even), magnitude64(s.odd)));
    }
    vi_store(lanes, any);
    for (int i = 0; i < VI_S32 / 2; i++)
        most |= lanes[i];
    for (int i = j; i < n; i++)
        most |= tern_magnitude64(tern_mix1(acc[i], unit[i / TERN_PANEL], y[i], real));
    const int shift = tern_mix_shift(most);
    const vi half = VI(set1_epi64x)((int64_t)(1ull << shift >> 1));
    const vi_count by = vi_count64(shift);
    for (j = 0; j + VI_S32 <= n; j += VI_S32) {
        const struct sums s = sums_of(acc + j, unit[j / TERN_PANEL], y + j, t);
        const vi even = vi_srl64(VI(add_epi64)(s.even, half), by);
        const vi odd = VI(slli_epi64)(vi_srl64(VI(add_epi64)(s.odd, half), by), 32);
        vi_store(sum + j, vi_blend_odd32(even, odd));
    }
    for (; j < n; j++)
        sum[j] = (int32_t)tern_rshift64(tern_mix1(acc[j], unit[j / TERN_PANEL], y[j], real), shift);
    return shift;
}

#endif
