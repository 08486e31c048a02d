/* Template: multiplies rows by two factors each. Gives vi_weigh().

   Included by weigh_avx2.c and weigh_sse41.c, after their header of vectors. */
#ifndef TERN_X86_WEIGH_TEMPLATE_H
#define TERN_X86_WEIGH_TEMPLATE_H

static ALWAYS_INLINE void vi_weigh(const int16_t *x, ptrdiff_t ld_x, const int16_t *cosine, const int16_t *sine,
                                   int16_t *out, ptrdiff_t ld_out, int m, int n)
{
    for (int i = 0; i < m; i++, x += ld_x, out += ld_out) {
        const vi c = VI(set1_epi16)(cosine[i]), s = VI(set1_epi16)(sine[i]);
        int j = 0;
        for (; j + VI_S16 <= n; j += VI_S16) {
            const vi v = vi_load(x + j);
            vi_store(out + j, VI(mulhrs_epi16)(v, c));
            vi_store(out + n + j, VI(mulhrs_epi16)(v, s));
        }
        for (; j < n; j++) {
            out[j] = tern_mulr(x[j], cosine[i]);
            out[n + j] = tern_mulr(x[j], sine[i]);
        }
    }
}

#endif
