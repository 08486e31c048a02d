/* Packs the keys of an attention head with AVX-512BW, 16 tokens x 32 columns at a time: a register takes the bytes of
   two tokens (packsswb), shufps makes groups of four tokens with the even or the odd groups of four columns, and a 4 x
   4 transposition of 128-bit pieces ends with one register per four columns: 24 shuffles for 512 values. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/pack_512.h"

/* Tokens i .. i + 3: lane L of `even` has their columns 8 L .. 8 L + 3, of `odd` the next four. */
struct quad {
    __m512i even, odd;
};
static ALWAYS_INLINE struct quad quad(const struct tern_tokens512 *s, int i)
{
    __m512 a = _mm512_castsi512_ps(_mm512_packs_epi16(tern_token512(s, i), tern_token512(s, i + 1)));
    __m512 b = _mm512_castsi512_ps(_mm512_packs_epi16(tern_token512(s, i + 2), tern_token512(s, i + 3)));
    struct quad q = {_mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88)),
                     _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xDD))};
    return q;
}

/* Lane L of all four goes to the group 2 L; `groups` are wanted. */
static ALWAYS_INLINE void store_lanes(int8_t *b, __m512i q0, __m512i q1, __m512i q2, __m512i q3, int groups)
{
    enum { GROUP = TERN_PANEL * TERN_PANEL_K };
    __m512i low01 = _mm512_shuffle_i32x4(q0, q1, 0x44), high01 = _mm512_shuffle_i32x4(q0, q1, 0xEE);
    __m512i low23 = _mm512_shuffle_i32x4(q2, q3, 0x44), high23 = _mm512_shuffle_i32x4(q2, q3, 0xEE);
    if (groups > 0)
        _mm512_storeu_si512(b, _mm512_shuffle_i32x4(low01, low23, 0x88));
    if (groups > 2)
        _mm512_storeu_si512(b + 2 * GROUP, _mm512_shuffle_i32x4(low01, low23, 0xDD));
    if (groups > 4)
        _mm512_storeu_si512(b + 4 * GROUP, _mm512_shuffle_i32x4(high01, high23, 0x88));
    if (groups > 6)
        _mm512_storeu_si512(b + 6 * GROUP, _mm512_shuffle_i32x4(high01, high23, 0xDD));
}

void tern_pack_k_avx512bw(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    const int k4 = tern_k4(n);
    for (int i = 0; i < m; i += TERN_PANEL) {
        for (int j = 0; j < n; j += 32) {
            const struct tern_tokens512 s = {x + i * ld_x + j, ld_x, m - i, tern_mask32(n - j), tern_s8_512_of(scale)};
            struct quad q0 = quad(&s, 0), q1 = quad(&s, 4), q2 = quad(&s, 8), q3 = quad(&s, 12);
            const int first = j / TERN_PANEL_K;
            int8_t *to = b + ((ptrdiff_t)(i / TERN_PANEL) * k4 + first) * (TERN_PANEL * TERN_PANEL_K);
            store_lanes(to, q0.even, q1.even, q2.even, q3.even, k4 - first);
            store_lanes(to + TERN_PANEL * TERN_PANEL_K, q0.odd, q1.odd, q2.odd, q3.odd, k4 - first - 1);
        }
    }
}
