/* Template: maps the features of linear attention: both branches, of which the sign chooses. What a
   branch gives for numbers that are not its own is discarded. Gives vi_phi().

   Included by phi_avx2.c and phi_sse41.c, after their header of vectors. */
#ifndef TERN_X86_PHI_TEMPLATE_H
#define TERN_X86_PHI_TEMPLATE_H

struct map {
    __m128i up, shift;
    vi mul, one, limit, octaves, top, least;
};

static ALWAYS_INLINE vi phi_group(vi x, const struct map *f)
{
    const vi above = VI(add_epi16)(f->one, VI(mulhrs_epi16)(VI(sll_epi16)(x, f->up), f->mul));
    const vi z = VI(min_epi16)(VI(sub_epi16)(vi_zero(), x), f->limit);
    const vi t = VI(mulhrs_epi16)(VI(sll_epi16)(z, f->shift), f->octaves);
    const vi below = VI(mulhrs_epi16)(vi_exp2(t), f->top);
    return VI(max_epi16)(VI(blendv_epi8)(above, below, VI(srai_epi16)(x, 15)), f->least);
}

static ALWAYS_INLINE void vi_phi(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n)
{
    const struct map f = {_mm_cvtsi32_si128(map->up), _mm_cvtsi32_si128(map->shift), VI(set1_epi16)(map->mul),
                          VI(set1_epi16)(map->one),   VI(set1_epi16)(map->limit),    VI(set1_epi16)(map->octaves),
                          VI(set1_epi16)(map->top),   VI(set1_epi16)(map->least)};
    for (int i = 0; i < m; i++, x += ld) {
        int j = 0;
        for (; j + VI_S16 <= n; j += VI_S16)
            vi_store(x + j, phi_group(vi_load(x + j), &f));
        for (; j < n; j++)
            x[j] = tern_phi1(x[j], map);
    }
}

#endif
