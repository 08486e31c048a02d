/* Template: sums a depthwise convolution's products at one token: two taps' values lie side by side, so that pmaddwd
   adds their products. The unpacks leave the columns in an order that two permutes undo. Gives vi_taps().

   Included by taps_avx2.c and taps_sse41.c, after their header of vectors. */
#ifndef TERN_X86_TAPS_TEMPLATE_H
#define TERN_X86_TAPS_TEMPLATE_H

struct columns {
    vi low, high;
};

static ALWAYS_INLINE struct columns add_pair(struct columns s, vi x, vi next_x, vi w, vi next_w)
{
    const vi low = VI(madd_epi16)(VI(unpacklo_epi16)(x, next_x), VI(unpacklo_epi16)(w, next_w));
    const vi high = VI(madd_epi16)(VI(unpackhi_epi16)(x, next_x), VI(unpackhi_epi16)(w, next_w));
    return (struct columns){VI(add_epi32)(s.low, low), VI(add_epi32)(s.high, high)};
}

static ALWAYS_INLINE void vi_taps(const int16_t *x, ptrdiff_t ld_x, const int16_t *w, ptrdiff_t ld_w, int32_t *sum,
                                  int m, int n)
{
    const vi zero = vi_zero();
    int j = 0;
    for (; j + VI_S16 <= n; j += VI_S16) {
        struct columns s = {zero, zero};
        const int16_t *a = x + j, *b = w + j;
        int i = 0;
        for (; i + 2 <= m; i += 2, a += 2 * ld_x, b += 2 * ld_w)
            s = add_pair(s, vi_load(a), vi_load(a + ld_x), vi_load(b), vi_load(b + ld_w));
        if (i < m)
            s = add_pair(s, vi_load(a), zero, vi_load(b), zero);
        const vi first = vi_unpacked_first(s.low, s.high), second = vi_unpacked_second(s.low, s.high);
        vi_store(sum + j, VI(add_epi32)(vi_load(sum + j), first));
        vi_store(sum + j + VI_S32, VI(add_epi32)(vi_load(sum + j + VI_S32), second));
    }
    if (j < n)
        tern_taps_ref(x + j, ld_x, w + j, ld_w, sum + j, m, n - j);
}

#endif
