/* Turns the heads of a token with AVX2. Interleaved as (u, v), a pair's new values are pmaddwd by (cos, -sin) and by
   (sin, cos). The angles are the same for every head, so that 16 of them stay in registers while the heads pass. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

/* 16 pairs, in the order of the unpacks. */
struct pairs {
    __m256i low, high;
};

static ALWAYS_INLINE struct pairs pairs_of(__m256i u, __m256i v)
{
    const struct pairs p = {_mm256_unpacklo_epi16(u, v), _mm256_unpackhi_epi16(u, v)};
    return p;
}

static ALWAYS_INLINE __m256i turned(struct pairs x, struct pairs by)
{
    const __m256i round = _mm256_set1_epi32(1 << (TERN_TURN_BITS - 1));
    __m256i low = _mm256_add_epi32(_mm256_madd_epi16(x.low, by.low), round);
    __m256i high = _mm256_add_epi32(_mm256_madd_epi16(x.high, by.high), round);
    low = _mm256_srai_epi32(low, TERN_TURN_BITS), high = _mm256_srai_epi32(high, TERN_TURN_BITS);
    return _mm256_max_epi16(_mm256_packs_epi32(low, high), _mm256_set1_epi16(-32767));
}

void tern_rotate_avx2(int16_t *x, const int16_t *turn, int heads, int dim, int half)
{
    int i = 0;
    for (; i + 16 <= half; i += 16) {
        const __m256i c = tern_load256(turn + i), s = tern_load256(turn + half + i);
        const struct pairs first = pairs_of(c, _mm256_sub_epi16(_mm256_setzero_si256(), s));
        const struct pairs second = pairs_of(s, c);
        for (int head = 0; head < heads; head++) {
            int16_t *u = x + head * dim + i, *v = u + half;
            const struct pairs p = pairs_of(tern_load256(u), tern_load256(v));
            tern_store256(u, turned(p, first));
            tern_store256(v, turned(p, second));
        }
    }
    tern_rotate_rest(x, turn, heads, dim, half, i);
}
