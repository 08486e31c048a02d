/* Template: brings a row that has an exponent to 30 bits, and to int16. The shift needs only the number of bits of the
   largest magnitude, and "or" keeps that. Gives vi_narrow().

   Included by narrow_avx2.c and narrow_sse41.c, after their header of vectors. */
#ifndef TERN_X86_NARROW_TEMPLATE_H
#define TERN_X86_NARROW_TEMPLATE_H

/* v[n] without what is below 0, if that is asked for; returns the shift. */
static int cut_and_measure(int32_t *v, int relu, int n)
{
    const vi least = relu ? vi_zero() : VI(set1_epi32)(INT32_MIN);
    vi all = vi_zero();
    uint32_t lanes[VI_S32], most = 0;
    int j = 0;
    for (; j + VI_S32 <= n; j += VI_S32) {
        const vi x = VI(max_epi32)(vi_load(v + j), least);
        all = vi_or(all, VI(abs_epi32)(x));
        if (relu)
            vi_store(v + j, x);
    }
    for (; j < n; j++) {
        v[j] = relu && v[j] < 0 ? 0 : v[j];
        most |= (uint32_t)(v[j] < 0 ? -v[j] : v[j]);
    }
    vi_store(lanes, all);
    for (int i = 0; i < VI_S32; i++)
        most |= lanes[i];
    return tern_narrow_up(most);
}

static ALWAYS_INLINE int vi_narrow(int32_t *v, int16_t *x, int relu, int n)
{
    const int shift = cut_and_measure(v, relu, n), up = shift < 0 ? 0 : shift;
    const __m128i count = _mm_cvtsi32_si128(up);
    const vi half = VI(set1_epi32)(1 << (TERN_NARROW_BITS - 1)), least = VI(set1_epi16)(-32767);
    int j = 0;
    for (; j + VI_S16 <= n; j += VI_S16) {
        const vi a = VI(sll_epi32)(vi_load(v + j), count), b = VI(sll_epi32)(vi_load(v + j + VI_S32), count);
        vi_store(v + j, a);
        vi_store(v + j + VI_S32, b);
        const vi packed = VI(packs_epi32)(VI(srai_epi32)(VI(add_epi32)(a, half), TERN_NARROW_BITS),
                                          VI(srai_epi32)(VI(add_epi32)(b, half), TERN_NARROW_BITS));
        vi_store(x + j, VI(max_epi16)(vi_straight(packed), least));
    }
    for (; j < n; j++) {
        v[j] *= 1 << up;
        x[j] = tern_narrow1(v[j], TERN_NARROW_BITS);
    }
    return shift;
}

#endif
