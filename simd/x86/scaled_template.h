/* Template: sums of rows that have exponents. pmuldq multiplies the even lanes to 64 bits; the odd ones are brought
   there and back. There is no arithmetic shift of 64 bits: numbers within 2^61 are made positive by 2^62, which is
   taken away again behind the shift. Gives vi_scaled().

   Included by scaled_avx2.c and scaled_sse41.c, after their header of vectors. */
#ifndef TERN_X86_SCALED_TEMPLATE_H
#define TERN_X86_SCALED_TEMPLATE_H

/* A rounding shift to the right. */
struct shift {
    __m128i count;
    vi before, behind;
};

static struct shift shift_of(int bits)
{
    const int64_t up = 1ll << 62, half = bits ? (int64_t)1 << (bits - 1) : (int64_t)0;
    const struct shift s = {_mm_cvtsi32_si128(bits), VI(set1_epi64x)((int64_t)((uint64_t)up + (uint64_t)half)),
                            VI(set1_epi64x)(up >> bits)};
    return s;
}

static ALWAYS_INLINE vi shift64(vi x, struct shift s)
{
    return VI(sub_epi64)(VI(srl_epi64)(VI(add_epi64)(x, s.before), s.count), s.behind);
}

/* Within 2^30 of either sign. */
static ALWAYS_INLINE vi clamp64(vi x)
{
    const vi most = VI(set1_epi64x)(1 << 30), least = VI(set1_epi64x)(-(1 << 30));
    x = VI(blendv_epi8)(x, most, vi_greater64(x, most));
    return VI(blendv_epi8)(x, least, vi_greater64(least, x));
}

static ALWAYS_INLINE vi odd(vi x)
{
    return VI(shuffle_epi32)(x, 0xF5);
}

/* The lower halves of even and odd lanes' 64 bits. */
static ALWAYS_INLINE vi join(vi even, vi from_odd)
{
    return vi_blend_odd32(even, VI(slli_epi64)(from_odd, 32));
}

static ALWAYS_INLINE void vi_scaled(const int32_t *acc, int32_t *sum, const int16_t *mul, const int16_t *gamma,
                                    const int32_t *bias, const struct tern_scaled_scale *scale, int n)
{
    const struct shift down = shift_of(scale->down > 0 ? scale->down : 0), product = shift_of(scale->product),
                       added = shift_of(scale->added > 0 ? scale->added : 0);
    const __m128i up = _mm_cvtsi32_si128(scale->down < 0 ? -scale->down : 0), lower = _mm_cvtsi32_si128(scale->bias);
    const vi factor = VI(set1_epi64x)(scale->factor), half = VI(set1_epi32)(scale->bias ? 1 << (scale->bias - 1) : 0);
    int j = 0;
    for (; j + VI_S32 <= n; j += VI_S32) {
        const vi a = vi_load(acc + j), m = vi_load_s16(mul + j);
        vi even = clamp64(shift64(VI(sll_epi64)(VI(mul_epi32)(a, m), up), down)),
           rest = clamp64(shift64(VI(sll_epi64)(VI(mul_epi32)(odd(a), odd(m)), up), down));
        even = shift64(VI(mul_epi32)(even, factor), product);
        rest = shift64(VI(mul_epi32)(rest, factor), product);
        vi s = VI(add_epi32)(join(even, rest), VI(sra_epi32)(VI(add_epi32)(vi_load(bias + j), half), lower));
        if (scale->added >= 0) {
            const vi before = vi_load(sum + j);
            const vi g = gamma ? vi_load_s16(gamma + j) : VI(set1_epi32)(1);
            even = shift64(VI(mul_epi32)(before, g), added);
            rest = shift64(VI(mul_epi32)(odd(before), odd(g)), added);
            s = VI(add_epi32)(s, join(even, rest));
        }
        vi_store(sum + j, s);
    }
    for (; j < n; j++)
        sum[j] = tern_scaled1(acc[j], sum[j], mul[j], gamma ? gamma[j] : 1, bias[j], scale);
}

#endif
