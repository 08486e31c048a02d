/* Parameters of the templates spmm_512_..._template.h without VNNI: pmaddubsw of the weights' magnitudes by the
   activations with the weights' signs, exact as 2 * 127 * 127 < 2^15; then pairs are added by pmaddwd with ones. A
   masked negation takes the signs over. Included by spmm_avx512bw.c. */
#ifndef TERN_X86_PRODUCT_512_SIGNS_H
#define TERN_X86_PRODUCT_512_SIGNS_H

#include "simd/x86/avx512.h"

_Static_assert(2 * 127 * 127 <= INT16_MAX, "pmaddubsw does not saturate");

struct weights {
    __m512i magnitude;
    __mmask64 negative;
};

static ALWAYS_INLINE struct weights weights_of(__m512i b)
{
    struct weights w = {_mm512_abs_epi8(b), _mm512_movepi8_mask(b)};
    return w;
}

static ALWAYS_INLINE __m512i add_product(__m512i sum, struct weights w, __m512i x)
{
    x = _mm512_mask_sub_epi8(x, w.negative, _mm512_setzero_si512(), x);
    __m512i pairs = _mm512_maddubs_epi16(w.magnitude, x);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

#endif
