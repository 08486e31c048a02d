/* The arithmetic of simd/fixed.h and simd/ops.h on vectors of integers, for int_256.h and int_128.h, which include it
   at their ends. */
#ifndef TERN_X86_INT_FIXED_H
#define TERN_X86_INT_FIXED_H

/* VI_S32 accumulators from acc[j] on, shifted as requant and residual have them. */
static inline vi vi_shifted(const int32_t *acc, const int32_t *left, int j)
{
    const vi x = vi_load(acc + j);
    return left ? vi_sllv32(x, vi_load(left + j)) : x;
}

/* tern_rshift: round is 2^(count - 1), or 0 for 0. */
struct vi_rshift {
    vi round;
    vi_count count;
};
static inline struct vi_rshift vi_rshift_of(int count)
{
    struct vi_rshift r = {VI(set1_epi32)((int32_t)(1u << count >> 1)), vi_count32(count)};
    return r;
}
static inline vi vi_rshift(vi x, struct vi_rshift r)
{
    return vi_sra32(VI(add_epi32)(x, r.round), r.count);
}

/* A row's scale, as requant and context take it. */
struct vi_scale {
    struct vi_rshift shift;
    vi mul;
};
static inline struct vi_scale vi_scale_of(const struct tern_row_scale *row)
{
    const struct vi_scale s = {vi_rshift_of(row->shift), VI(set1_epi16)((int16_t)row->mul)};
    return s;
}

/* tern_to_s8 in 16-bit lanes. A left shift by at most 14 is a multiplication; (v + 64) >> 7 is mulr(v, 256). */
struct vi_s8 {
    vi power, mul;
};
static inline struct vi_s8 vi_s8_of(struct tern_s8_scale scale)
{
    struct vi_s8 s = {VI(set1_epi16)((int16_t)(1 << scale.shift)), VI(set1_epi16)(scale.mul)};
    return s;
}
static inline vi vi_to_s8(vi x, struct vi_s8 s)
{
    x = VI(mulhrs_epi16)(VI(mullo_epi16)(x, s.power), s.mul);
    return VI(mulhrs_epi16)(x, VI(set1_epi16)(256));
}
/* Two registers of int16 that hold int8 values, to bytes in order. */
static inline vi vi_pack_s8(vi low, vi high)
{
    return vi_straight(VI(packs_epi16)(low, high));
}

/* What spreads VI_S32 of 16 bytes, from VI_S32 * part on, to the 16-bit pairs of four bytes each (pshufb). */
static inline vi vi_fours(int part)
{
    const vi byte = VI(add_epi32)(vi_iota32(), VI(set1_epi32)(part * VI_S32));
    return vi_or(VI(set1_epi32)((int32_t)0x80008000), vi_or(byte, VI(slli_epi32)(byte, 16)));
}

/* The largest uint16. */
static inline int32_t vi_max_u16(vi x)
{
    /* phminposuw finds the smallest. */
    return 65535 - _mm_extract_epi16(_mm_minpos_epu16(_mm_xor_si128(vi_max_u16_halves(x), _mm_set1_epi16(-1))), 0);
}
/* The largest int32. */
static inline int32_t vi_max_s32(vi x)
{
    __m128i four = vi_max_s32_halves(x);
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
}

/* Exact 64-bit sums of 32-bit lanes in three instructions instead of widening: `wrapped` modulo 2^32, `high` of the
   upper halves. The lower halves' sum is their difference, as long as it fits: 32,768 terms per lane. */
struct vi_long_sum {
    vi wrapped, high;
};
static inline void vi_long_add(struct vi_long_sum *sum, vi x)
{
    sum->wrapped = VI(add_epi32)(sum->wrapped, x);
    sum->high = VI(add_epi32)(sum->high, VI(srai_epi32)(x, 16));
}
static inline int64_t vi_long_total(const struct vi_long_sum *sum)
{
    vi low = VI(sub_epi32)(sum->wrapped, VI(slli_epi32)(sum->high, 16));
    return vi_sum_s32(sum->high) * 65536 + vi_sum_s32(low);
}

/* tern_poly_eval */
struct vi_poly {
    vi limit, power, mul, c[8];
};
static inline struct vi_poly vi_poly_of(const struct tern_poly *p)
{
    struct vi_poly v = {VI(set1_epi16)(p->limit),
                        VI(set1_epi16)((int16_t)(1 << p->shift)),
                        VI(set1_epi16)(p->mul),
                        {VI(set1_epi16)(p->c[0]), VI(set1_epi16)(p->c[1]), VI(set1_epi16)(p->c[2]),
                         VI(set1_epi16)(p->c[3]), VI(set1_epi16)(p->c[4]), VI(set1_epi16)(p->c[5]),
                         VI(set1_epi16)(p->c[6]), VI(set1_epi16)(p->c[7])}};
    return v;
}
static ALWAYS_INLINE vi vi_horner(vi h, vi x, vi c)
{
    return VI(adds_epi16)(VI(mulhrs_epi16)(h, x), c);
}
static ALWAYS_INLINE vi vi_poly_eval(vi y, const struct vi_poly *p)
{
    /* |-32768| is 32768 and min unsigned, as in the reference's 32 bits. */
    vi u = VI(mullo_epi16)(VI(min_epu16)(VI(abs_epi16)(y), p->limit), p->power);
    vi w = VI(adds_epi16)(u, VI(mulhrs_epi16)(u, p->mul));
    vi x = VI(sub_epi16)(VI(add_epi16)(w, w), VI(set1_epi16)(32767));
    vi h = vi_horner(p->c[7], x, p->c[6]);
    h = vi_horner(h, x, p->c[5]);
    h = vi_horner(h, x, p->c[4]);
    h = vi_horner(h, x, p->c[3]);
    h = vi_horner(h, x, p->c[2]);
    h = vi_horner(h, x, p->c[1]);
    return vi_horner(h, x, p->c[0]);
}

/* tern_exp2. A 16-bit variable shift is AVX-512's: e >> n is the upper half of 2 e * 2^(15 - n), the power looked up by
   pshufb; n counts up to 15, where e < 2^15 is 0 already. */

/* 2^(15 - n) for n in 0 .. 15: the upper byte is 128 >> n, the lower 128 >> (n - 8). An index below 0 gives 0. */
static ALWAYS_INLINE vi vi_power(vi n)
{
    const vi table = vi_table(_mm_setr_epi8(-128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0));
    vi twice = VI(mullo_epi16)(n, VI(set1_epi16)(257));
    return VI(shuffle_epi8)(table, VI(sub_epi8)(twice, VI(set1_epi16)(8)));
}
static ALWAYS_INLINE vi vi_exp2(vi t)
{
    vi x = vi_and(VI(slli_epi16)(t, 5), VI(set1_epi16)(1023 << 5));
    vi e = VI(mulhrs_epi16)(VI(set1_epi16)(TERN_EXP2_C3), x);
    e = VI(mulhrs_epi16)(VI(add_epi16)(e, VI(set1_epi16)(TERN_EXP2_C2)), x);
    e = VI(mulhrs_epi16)(VI(add_epi16)(e, VI(set1_epi16)(TERN_EXP2_C1)), x);
    e = VI(add_epi16)(e, VI(set1_epi16)(TERN_EXP2_C0));
    vi n = VI(min_epi16)(VI(srli_epi16)(t, 10), VI(set1_epi16)(15));
    return VI(mulhi_epu16)(VI(add_epi16)(e, e), vi_power(n));
}

#endif
