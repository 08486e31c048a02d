/* Template: applies the GELU, by Horner's rule in Q15: 25 instructions. The reference's last max(-32767) can be left
   out: max(y, 0) is at least 0 and mulr(poly, out) at most 32766, as out is not negative. The tail goes through a
   padded copy: a scalar polynomial costs more than a vector. Gives vi_gelu().

   Included by gelu_avx2.c and gelu_sse41.c, after their header of vectors. */
#ifndef TERN_X86_GELU_TEMPLATE_H
#define TERN_X86_GELU_TEMPLATE_H

#include <string.h>

static ALWAYS_INLINE vi gelu_group(vi y, const struct vi_poly *p, vi out)
{
    vi tail = VI(mulhrs_epi16)(vi_poly_eval(y, p), out);
    return VI(subs_epi16)(VI(max_epi16)(y, vi_zero()), tail);
}

static ALWAYS_INLINE void vi_gelu(int16_t *y, const struct tern_poly *poly, int n)
{
    const struct vi_poly p = vi_poly_of(poly);
    const vi out = VI(set1_epi16)(poly->out);
    int j = 0;
    for (; j + VI_S16 <= n; j += VI_S16)
        vi_store(y + j, gelu_group(vi_load(y + j), &p, out));
    if (j < n) {
        int16_t rest[VI_S16] = {0};
        memcpy(rest, y + j, (size_t)(n - j) * sizeof *y);
        vi_store(rest, gelu_group(vi_load(rest), &p, out));
        memcpy(y + j, rest, (size_t)(n - j) * sizeof *y);
    }
}

#endif
