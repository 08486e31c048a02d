/* Template: multiplies the two halves of a gated layer. The shift needs only the number of bits of the largest |p|, and
   "or" keeps that: of the products' upper halves, and of their lower ones for when all the upper ones are 0. Gives
   vi_gate().

   Included by gate_avx2.c and gate_sse41.c, after their header of vectors. */
#ifndef TERN_X86_GATE_TEMPLATE_H
#define TERN_X86_GATE_TEMPLATE_H

/* A number of as many bits as max|p|. */
static uint32_t most_of(const int16_t *a, const int16_t *b, int n)
{
    vi upper = vi_zero(), lower = upper;
    uint32_t rest = 0;
    int j = 0;
    for (; j + VI_S16 <= n; j += VI_S16) {
        vi x = VI(abs_epi16)(vi_load(a + j)), y = VI(abs_epi16)(vi_load(b + j));
        upper = vi_or(upper, VI(mulhi_epu16)(x, y));
        lower = vi_or(lower, VI(mullo_epi16)(x, y));
    }
    for (; j < n; j++) {
        int32_t p = a[j] * b[j];
        rest |= (uint32_t)(p < 0 ? -p : p);
    }
    return rest | (uint32_t)vi_max_u16(upper) << 16 | (uint32_t)vi_max_u16(lower);
}

static ALWAYS_INLINE int vi_gate(int16_t *a, const int16_t *b, int n)
{
    const int shift = tern_gate_shift(most_of(a, b, n));
    const struct vi_rshift s = vi_rshift_of(shift);
    int j = 0;
    for (; j + VI_S16 <= n; j += VI_S16) {
        vi x = vi_load(a + j), y = vi_load(b + j);
        vi low = VI(mullo_epi16)(x, y), high = VI(mulhi_epi16)(x, y);
        vi first = vi_rshift(VI(unpacklo_epi16)(low, high), s);
        vi second = vi_rshift(VI(unpackhi_epi16)(low, high), s);
        vi_store(a + j, VI(packs_epi32)(first, second)); /* in the order that the unpacks left */
    }
    for (; j < n; j++)
        a[j] = tern_gate1(a[j], b[j], shift);
    return shift;
}

#endif
