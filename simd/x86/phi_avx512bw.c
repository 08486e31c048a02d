/* Maps the features of linear attention with AVX-512BW, 32 at a time: both branches, of which the sign chooses. What a
   branch gives for numbers that are not its own is discarded. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

struct map {
    __m128i up, shift;
    __m512i mul, one, limit, octaves, top, least;
};

static ALWAYS_INLINE __m512i phi32(__m512i x, const struct map *f)
{
    const __m512i above = _mm512_add_epi16(f->one, _mm512_mulhrs_epi16(_mm512_sll_epi16(x, f->up), f->mul));
    const __m512i z = _mm512_min_epi16(_mm512_sub_epi16(_mm512_setzero_si512(), x), f->limit);
    const __m512i t = _mm512_mulhrs_epi16(_mm512_sll_epi16(z, f->shift), f->octaves);
    const __m512i below = _mm512_mulhrs_epi16(tern_exp2_512(t), f->top);
    return _mm512_max_epi16(_mm512_mask_blend_epi16(_mm512_movepi16_mask(x), above, below), f->least);
}

void tern_phi_avx512bw(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n)
{
    const struct map f = {_mm_cvtsi32_si128(map->up),  _mm_cvtsi32_si128(map->shift), _mm512_set1_epi16(map->mul),
                          _mm512_set1_epi16(map->one), _mm512_set1_epi16(map->limit), _mm512_set1_epi16(map->octaves),
                          _mm512_set1_epi16(map->top), _mm512_set1_epi16(map->least)};
    for (int i = 0; i < m; i++, x += ld) {
        int j = 0;
        for (; j + 32 <= n; j += 32)
            _mm512_storeu_si512(x + j, phi32(_mm512_loadu_si512(x + j), &f));
        if (j < n) {
            const __mmask32 rest = tern_mask32(n - j);
            _mm512_mask_storeu_epi16(x + j, rest, phi32(_mm512_maskz_loadu_epi16(rest, x + j), &f));
        }
    }
}
