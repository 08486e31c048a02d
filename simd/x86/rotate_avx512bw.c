/* Turns the heads of a token with AVX-512BW. Interleaved as (u, v), a pair's new values are pmaddwd by (cos, -sin) and
   by (sin, cos). The angles are the same for every head, so that 32 of them stay in registers while the heads pass. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

/* 32 pairs, in the order of the unpacks. */
struct pairs {
    __m512i low, high;
};

static ALWAYS_INLINE struct pairs pairs_of(__m512i u, __m512i v)
{
    const struct pairs p = {_mm512_unpacklo_epi16(u, v), _mm512_unpackhi_epi16(u, v)};
    return p;
}

static ALWAYS_INLINE __m512i turned(struct pairs x, struct pairs by)
{
    const __m512i round = _mm512_set1_epi32(1 << (TERN_TURN_BITS - 1));
    __m512i low = _mm512_add_epi32(_mm512_madd_epi16(x.low, by.low), round);
    __m512i high = _mm512_add_epi32(_mm512_madd_epi16(x.high, by.high), round);
    low = _mm512_srai_epi32(low, TERN_TURN_BITS), high = _mm512_srai_epi32(high, TERN_TURN_BITS);
    return _mm512_max_epi16(_mm512_packs_epi32(low, high), _mm512_set1_epi16(-32767));
}

void tern_rotate_avx512bw(int16_t *x, const int16_t *turn, int heads, int dim, int half)
{
    for (int i = 0; i < half; i += 32) {
        const __mmask32 lanes = tern_mask32(half - i);
        const __m512i c = _mm512_maskz_loadu_epi16(lanes, turn + i);
        const __m512i s = _mm512_maskz_loadu_epi16(lanes, turn + half + i);
        const struct pairs first = pairs_of(c, _mm512_sub_epi16(_mm512_setzero_si512(), s));
        const struct pairs second = pairs_of(s, c);
        for (int head = 0; head < heads; head++) {
            int16_t *u = x + head * dim + i, *v = u + half;
            const struct pairs p = pairs_of(_mm512_maskz_loadu_epi16(lanes, u), _mm512_maskz_loadu_epi16(lanes, v));
            _mm512_mask_storeu_epi16(u, lanes, turned(p, first));
            _mm512_mask_storeu_epi16(v, lanes, turned(p, second));
        }
    }
}
