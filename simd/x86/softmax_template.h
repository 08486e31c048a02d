/* Template: makes softmax's probabilities, in 16-bit lanes once the difference is scaled: a shift right by 1 or more
   leaves 31 bits, which packssdw cuts at 32,767 as the contract wants; for other shifts D is cut first. (e + 16) >> 5
   is mulr(e, 1024). Gives vi_softmax().

   Included by softmax_avx2.c and softmax_sse41.c, after their header of vectors. */
#ifndef TERN_X86_SOFTMAX_TEMPLATE_H
#define TERN_X86_SOFTMAX_TEMPLATE_H

#include <string.h>

struct scale {
    vi max, cut, mul;
    vi_count shift;
};

static ALWAYS_INLINE vi scaled(const int32_t *score, const struct scale *s, const int right)
{
    vi d = VI(sub_epi32)(s->max, vi_load(score));
    if (right)
        return vi_srl32(d, s->shift);
    return vi_sll32(VI(min_epu32)(d, s->cut), s->shift);
}

/* Probabilities of VI_S16 scores in 16-bit lanes, in the order of packs_epi32. */
static ALWAYS_INLINE vi exp_words(const int32_t *score, const struct scale *s, const int right)
{
    vi d = VI(packs_epi32)(scaled(score, s, right), scaled(score + VI_S32, s, right));
    vi t = VI(mulhrs_epi16)(d, s->mul);
    return VI(mulhrs_epi16)(vi_exp2(t), VI(set1_epi16)(1024));
}

struct factors {
    vi high, low;
};

static ALWAYS_INLINE struct factors exp_bytes(const int32_t *score, const struct scale *s, const int right)
{
    const vi three = VI(set1_epi16)((1 << TERN_P_LOW_BITS) - 1);
    vi x = exp_words(score, s, right), y = exp_words(score + VI_S16, s, right);
    vi high = VI(packs_epi16)(VI(srli_epi16)(x, TERN_P_LOW_BITS), VI(srli_epi16)(y, TERN_P_LOW_BITS));
    vi low = VI(packs_epi16)(vi_and(x, three), vi_and(y, three));
    struct factors f = {vi_straight_twice(high), vi_straight_twice(low)};
    return f;
}

/* The sums of both factors, in 64-bit lanes. */
static ALWAYS_INLINE vi add_sums(vi sum, vi high, vi low)
{
    const vi zero = vi_zero();
    high = VI(slli_epi64)(VI(sad_epu8)(high, zero), TERN_P_LOW_BITS);
    return VI(add_epi64)(sum, VI(add_epi64)(high, VI(sad_epu8)(low, zero)));
}

/* The first `rest` bytes of f, then zeros to a multiple of 4; returns f without the others. */
static vi store_rest(int8_t *p, vi f, int rest)
{
    int8_t last[2 * VI_BYTES]; /* room for the zeros behind the last byte */
    vi_store(last, f);
    vi_store(last + rest, vi_zero());
    memcpy(p, last, (size_t)tern_round_up(rest, TERN_PANEL_K));
    return vi_load(last);
}

static ALWAYS_INLINE int32_t softmax(const int32_t *score, const struct scale *s, const int right, int8_t *high,
                                     int8_t *low, int n)
{
    vi sum = vi_zero();
    int j = 0;
    for (; j + VI_BYTES <= n; j += VI_BYTES) {
        struct factors f = exp_bytes(score + j, s, right);
        sum = add_sums(sum, f.high, f.low);
        vi_store(high + j, f.high);
        vi_store(low + j, f.low);
    }
    if (j < n) {
        const int rest = n - j;
        int32_t padded[VI_BYTES] = {0};
        memcpy(padded, score + j, (size_t)rest * sizeof *score);
        struct factors f = exp_bytes(padded, s, right);
        sum = add_sums(sum, store_rest(high + j, f.high, rest), store_rest(low + j, f.low, rest));
    }
    return (int32_t)vi_sum_s64(sum);
}

static int32_t row_max(const int32_t *score, int n)
{
    vi a = VI(set1_epi32)(score[0]), b = a;
    int32_t max = score[0];
    int j = 0;
    for (; j + 2 * VI_S32 <= n; j += 2 * VI_S32) {
        a = VI(max_epi32)(a, vi_load(score + j));
        b = VI(max_epi32)(b, vi_load(score + j + VI_S32));
    }
    for (; j < n; j++)
        max = score[j] > max ? score[j] : max;
    const int32_t most = vi_max_s32(VI(max_epi32)(a, b));
    return most > max ? most : max;
}

static ALWAYS_INLINE int32_t vi_softmax(const int32_t *score, int shift, int mul, int8_t *high, int8_t *low, int n)
{
    const vi max = VI(set1_epi32)(row_max(score, n)), mul16 = VI(set1_epi16)((int16_t)mul);
    if (shift > 0) {
        const struct scale s = {max, max, mul16, vi_count32(shift)};
        return softmax(score, &s, 1, high, low, n);
    }
    const struct scale s = {max, VI(set1_epi32)(32767 >> -shift), mul16, vi_count32(-shift)};
    return softmax(score, &s, 0, high, low, n);
}

#endif
