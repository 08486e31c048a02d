/* Maps the features of linear attention with NEON, eight at a time: both branches, of which the sign chooses. What a
   branch gives for numbers that are not its own is discarded. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

struct map {
    int16x8_t up, shift, mul, one, limit, octaves, top, least;
};

TERN_INLINE int16x8_t phi8(int16x8_t x, const struct map *f)
{
    const int16x8_t above = vqaddq_s16(f->one, vqrdmulhq_s16(vshlq_s16(x, f->up), f->mul));
    const int16x8_t z = vminq_s16(vqnegq_s16(x), f->limit);
    const int16x8_t below = vqrdmulhq_s16(tern_neon_exp2(vqrdmulhq_s16(vshlq_s16(z, f->shift), f->octaves)), f->top);
    return vmaxq_s16(vbslq_s16(vcltq_s16(x, vdupq_n_s16(0)), below, above), f->least);
}

void tern_phi_neon(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n)
{
    const struct map f = {vdupq_n_s16(map->up),  vdupq_n_s16(map->shift), vdupq_n_s16(map->mul),
                          vdupq_n_s16(map->one), vdupq_n_s16(map->limit), vdupq_n_s16(map->octaves),
                          vdupq_n_s16(map->top), vdupq_n_s16(map->least)};
    for (int i = 0; i < m; i++, x += ld) {
        int j = 0;
        for (; j + 8 <= n; j += 8)
            vst1q_s16(x + j, phi8(vld1q_s16(x + j), &f));
        for (; j < n; j++)
            x[j] = tern_phi1(x[j], map);
    }
}
