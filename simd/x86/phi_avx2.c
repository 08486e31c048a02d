/* Maps the features of linear attention with AVX2, 16 at a time: both branches, of which the sign chooses. What a
   branch gives for numbers that are not its own is discarded. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

struct map {
    __m128i up, shift;
    __m256i mul, one, limit, octaves, top, least;
};

static ALWAYS_INLINE __m256i phi16(__m256i x, const struct map *f)
{
    const __m256i above = _mm256_add_epi16(f->one, _mm256_mulhrs_epi16(_mm256_sll_epi16(x, f->up), f->mul));
    const __m256i z = _mm256_min_epi16(_mm256_sub_epi16(_mm256_setzero_si256(), x), f->limit);
    const __m256i t = _mm256_mulhrs_epi16(_mm256_sll_epi16(z, f->shift), f->octaves);
    const __m256i below = _mm256_mulhrs_epi16(tern_exp2_256(t), f->top);
    return _mm256_max_epi16(_mm256_blendv_epi8(above, below, _mm256_srai_epi16(x, 15)), f->least);
}

void tern_phi_avx2(int16_t *x, ptrdiff_t ld, const struct tern_phi *map, int m, int n)
{
    const struct map f = {_mm_cvtsi32_si128(map->up),  _mm_cvtsi32_si128(map->shift), _mm256_set1_epi16(map->mul),
                          _mm256_set1_epi16(map->one), _mm256_set1_epi16(map->limit), _mm256_set1_epi16(map->octaves),
                          _mm256_set1_epi16(map->top), _mm256_set1_epi16(map->least)};
    for (int i = 0; i < m; i++, x += ld) {
        int j = 0;
        for (; j + 16 <= n; j += 16)
            tern_store256(x + j, phi16(tern_load256(x + j), &f));
        for (; j < n; j++)
            x[j] = tern_phi1(x[j], map);
    }
}
