/* Packs the values of an attention head with AVX-512BW, 4 tokens x 32 columns at a time: two tokens' bytes are merged
   into one 16-bit lane, two such are interleaved, and two permutes split them by panel. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/pack_512.h"

/* Bytes of tokens i and i + 1, in turn. */
static ALWAYS_INLINE __m512i pair(const struct tern_tokens512 *s, int i)
{
    const __m512i odd = _mm512_slli_epi16(tern_token512(s, i + 1), 8);
    return _mm512_mask_blend_epi8(0xAAAAAAAAAAAAAAAA, tern_token512(s, i), odd);
}

void tern_pack_v_avx512bw(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    const ptrdiff_t panel = (ptrdiff_t)tern_k4(m) * TERN_PANEL * TERN_PANEL_K;
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (int j = 0; j < n; j += 2 * TERN_PANEL) {
        int8_t *to = b + j / TERN_PANEL * panel;
        for (int i = 0; i < m; i += TERN_PANEL_K, to += TERN_PANEL * TERN_PANEL_K) {
            const struct tern_tokens512 s = {x + i * ld_x + j, ld_x, m - i, tern_mask32(n - j), tern_s8_512_of(scale)};
            __m512i p01 = pair(&s, 0), p23 = pair(&s, 2);
            __m512i low = _mm512_unpacklo_epi16(p01, p23), high = _mm512_unpackhi_epi16(p01, p23);
            _mm512_storeu_si512(to, _mm512_permutex2var_epi64(low, first, high));
            if (n - j > TERN_PANEL)
                _mm512_storeu_si512(to + panel, _mm512_permutex2var_epi64(low, second, high));
        }
    }
}
