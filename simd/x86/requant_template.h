/* Template: brings accumulators to int16: packssdw is the saturation, the rest is 16-bit. The last, incomplete group is
   done again from column n - VI_S16 on, as nothing is in place. Gives vi_requant().

   Included by requant_avx2.c and requant_sse41.c, after their header of vectors. */
#ifndef TERN_X86_REQUANT_TEMPLATE_H
#define TERN_X86_REQUANT_TEMPLATE_H

static ALWAYS_INLINE void requant_group(const int32_t *acc, int16_t *out, const int32_t *left, const int16_t *mul,
                                        const int16_t *bias, const struct vi_scale *s)
{
    vi low = vi_rshift(vi_shifted(acc, left, 0), s->shift), high = vi_rshift(vi_shifted(acc, left, VI_S32), s->shift);
    vi a = vi_straight(VI(packs_epi32)(low, high));
    vi scaled = VI(mulhrs_epi16)(a, VI(mulhrs_epi16)(vi_load(mul), s->mul));
    vi sum = VI(adds_epi16)(scaled, vi_load(bias));
    vi_store(out, VI(max_epi16)(sum, VI(set1_epi16)(-32767)));
}

static ALWAYS_INLINE void requant(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                                  const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                                  const int16_t *bias, int m, int n)
{
    for (int i = 0; i < m; i++, acc += ld_acc, out += ld_out) {
        const struct vi_scale s = vi_scale_of(&row[i]);
        int j = 0;
        for (; j + VI_S16 <= n; j += VI_S16)
            requant_group(acc + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        if (j < n) {
            j = n - VI_S16;
            requant_group(acc + j, out + j, left ? left + j : NULL, mul + j, bias + j, &s);
        }
    }
}

static ALWAYS_INLINE void vi_requant(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                                     const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                                     const int16_t *bias, int m, int n)
{
    if (n < VI_S16)
        tern_requant_ref(acc, ld_acc, out, ld_out, row, left, mul, bias, m, n);
    else if (left)
        requant(acc, ld_acc, out, ld_out, row, left, mul, bias, m, n);
    else
        requant(acc, ld_acc, out, ld_out, row, NULL, mul, bias, m, n);
}

#endif
