/* Template: brings attention's sums of values to int16, as requant does. The last, incomplete group is done again from
   column n - VI_S16 on. Gives vi_context().

   Included by context_avx2.c and context_sse41.c, after their header of vectors. */
#ifndef TERN_X86_CONTEXT_TEMPLATE_H
#define TERN_X86_CONTEXT_TEMPLATE_H

static ALWAYS_INLINE vi shifted_sum(const int32_t *high, const int32_t *low, const struct vi_scale *s)
{
    vi sum = VI(add_epi32)(VI(slli_epi32)(vi_load(high), TERN_P_LOW_BITS), vi_load(low));
    return vi_rshift(sum, s->shift);
}

static ALWAYS_INLINE void context_group(const int32_t *high, const int32_t *low, int16_t *out, const struct vi_scale *s)
{
    vi x = VI(packs_epi32)(shifted_sum(high, low, s), shifted_sum(high + VI_S32, low + VI_S32, s));
    vi_store(out, VI(mulhrs_epi16)(vi_straight(x), s->mul));
}

static ALWAYS_INLINE void vi_context(const int32_t *high, const int32_t *low, ptrdiff_t ld_acc, int16_t *out,
                                     ptrdiff_t ld_out, const struct tern_row_scale *row, int m, int n)
{
    if (n < VI_S16) {
        tern_context_ref(high, low, ld_acc, out, ld_out, row, m, n);
        return;
    }
    for (int i = 0; i < m; i++, high += ld_acc, low += ld_acc, out += ld_out) {
        const struct vi_scale s = vi_scale_of(&row[i]);
        int j = 0;
        for (; j + VI_S16 <= n; j += VI_S16)
            context_group(high + j, low + j, out + j, &s);
        if (j < n)
            context_group(high + n - VI_S16, low + n - VI_S16, out + n - VI_S16, &s);
    }
}

#endif
