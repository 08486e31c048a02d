/* Template: finds the largest magnitude. A row has four independent maxima; |-32768| would come out as 32768, as in the
   reference. Gives vi_amax().

   Included by amax_avx2.c and amax_sse41.c, after their header of vectors. */
#ifndef TERN_X86_AMAX_TEMPLATE_H
#define TERN_X86_AMAX_TEMPLATE_H

static ALWAYS_INLINE vi larger(vi max, const int16_t *x)
{
    return VI(max_epu16)(max, VI(abs_epi16)(vi_load(x)));
}

static ALWAYS_INLINE int32_t vi_amax(const int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    vi a = vi_zero(), b = a, c = a, d = a;
    int32_t rest = 0;
    for (int i = 0; i < m; i++, x += ld_x) {
        int j = 0;
        for (; j + 4 * VI_S16 <= n; j += 4 * VI_S16) {
            a = larger(a, x + j);
            b = larger(b, x + j + VI_S16);
            c = larger(c, x + j + 2 * VI_S16);
            d = larger(d, x + j + 3 * VI_S16);
        }
        for (; j + VI_S16 <= n; j += VI_S16)
            a = larger(a, x + j);
        for (; j < n; j++) {
            int32_t magnitude = x[j] < 0 ? -x[j] : x[j];
            rest = magnitude > rest ? magnitude : rest;
        }
    }
    int32_t amax = vi_max_u16(VI(max_epu16)(VI(max_epu16)(a, b), VI(max_epu16)(c, d)));
    return amax > rest ? amax : rest;
}

#endif
