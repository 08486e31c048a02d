/* Template: adds up the rows of a matrix. It takes strips of two registers. Two rows are interleaved so that pmaddwd by
   ones adds their pairs into 32 bits. Gives vi_pool().

   Included by pool_avx2.c and pool_sse41.c, after their header of vectors. */
#ifndef TERN_X86_POOL_TEMPLATE_H
#define TERN_X86_POOL_TEMPLATE_H

struct sums {
    vi low, high;
};

static ALWAYS_INLINE struct sums add_rows(struct sums s, vi a, vi b)
{
    const vi ones = VI(set1_epi16)(1);
    s.low = VI(add_epi32)(s.low, VI(madd_epi16)(VI(unpacklo_epi16)(a, b), ones));
    s.high = VI(add_epi32)(s.high, VI(madd_epi16)(VI(unpackhi_epi16)(a, b), ones));
    return s;
}

static ALWAYS_INLINE void store_strip(int32_t *out, struct sums s)
{
    vi_store(out, vi_unpacked_first(s.low, s.high));
    vi_store(out + VI_S32, vi_unpacked_second(s.low, s.high));
}

static ALWAYS_INLINE void pool_strip(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, const int columns)
{
    const vi zero = vi_zero();
    struct sums first = {zero, zero}, second = first;
    int i = 0;
    for (; i + 2 <= m; i += 2, x += 2 * ld_x) {
        first = add_rows(first, vi_load(x), vi_load(x + ld_x));
        if (columns > VI_S16)
            second = add_rows(second, vi_load(x + VI_S16), vi_load(x + ld_x + VI_S16));
    }
    if (i < m) {
        first = add_rows(first, vi_load(x), zero);
        if (columns > VI_S16)
            second = add_rows(second, vi_load(x + VI_S16), zero);
    }
    store_strip(out, first);
    if (columns > VI_S16)
        store_strip(out + VI_S16, second);
}

static ALWAYS_INLINE void vi_pool(const int16_t *x, ptrdiff_t ld_x, int32_t *out, int m, int n)
{
    int j = 0;
    for (; j + 2 * VI_S16 <= n; j += 2 * VI_S16)
        pool_strip(x + j, ld_x, out + j, m, 2 * VI_S16);
    for (; j + VI_S16 <= n; j += VI_S16)
        pool_strip(x + j, ld_x, out + j, m, VI_S16);
    if (j < n)
        tern_pool_ref(x + j, ld_x, out + j, m, n - j);
}

#endif
