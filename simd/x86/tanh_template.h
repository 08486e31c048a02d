/* Template: applies tanh: the GELU's polynomial with another ending, where the sign goes back on as (t ^ s) - s with s
   = y >> 15 (psignw would make 0 of y = 0). The tail goes through a padded copy. Gives vi_tanh().

   Included by tanh_avx2.c and tanh_sse41.c, after their header of vectors. */
#ifndef TERN_X86_TANH_TEMPLATE_H
#define TERN_X86_TANH_TEMPLATE_H

#include <string.h>

static ALWAYS_INLINE vi tanh_group(vi y, const struct vi_poly *p)
{
    vi positive = VI(max_epi16)(vi_poly_eval(y, p), vi_zero());
    vi t = VI(sub_epi16)(VI(set1_epi16)(32767), positive), sign = VI(srai_epi16)(y, 15);
    return VI(sub_epi16)(vi_xor(t, sign), sign);
}

static ALWAYS_INLINE void vi_tanh(int16_t *y, const struct tern_poly *poly, int n)
{
    const struct vi_poly p = vi_poly_of(poly);
    int j = 0;
    for (; j + VI_S16 <= n; j += VI_S16)
        vi_store(y + j, tanh_group(vi_load(y + j), &p));
    if (j < n) {
        int16_t rest[VI_S16] = {0};
        memcpy(rest, y + j, (size_t)(n - j) * sizeof *y);
        vi_store(rest, tanh_group(vi_load(rest), &p));
        memcpy(y + j, rest, (size_t)(n - j) * sizeof *y);
    }
}

#endif
