/* Int8 GEMM without VNNI: pmaddubsw of the weights' magnitudes by the activations with the weights' signs, exact as
   2 * 127 * 127 < 2^15; then pairs are added by pmaddwd with ones. The signs go over by a masked negation, the mask
   made once per weights for all rows of the tile. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
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

static void row_starts(int32_t *start, const int8_t *a, ptrdiff_t ld_a, int m, int k)
{
    (void)a, (void)ld_a, (void)k;
    for (int i = 0; i < m; i++)
        start[i] = 0;
}

#include "simd/x86/gemm_s8_avx512.h"

void tern_gemm_s8_avx512bw(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                           int panels, int k4, struct tern_ahead ahead)
{
    gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4, ahead);
}
