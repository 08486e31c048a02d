/* 4 tokens x 32 columns at a time: two tokens' bytes are merged into one 16-bit lane, two such are interleaved, and two
   permutes split them by panel. Tokens and columns that lack load as 0, which packs as 0. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

struct source {
    const int16_t *x;
    ptrdiff_t ld_x;
    int rows;
    __mmask32 columns;
    struct tern_s8_512 scale;
};

static ALWAYS_INLINE __m512i token(const struct source *s, int i)
{
    if (i >= s->rows)
        return _mm512_setzero_si512();
    return tern_to_s8_512(_mm512_maskz_loadu_epi16(s->columns, s->x + i * s->ld_x), s->scale);
}

/* Bytes of tokens i and i + 1, in turn. */
static ALWAYS_INLINE __m512i pair(const struct source *s, int i)
{
    return _mm512_mask_blend_epi8(0xAAAAAAAAAAAAAAAA, token(s, i), _mm512_slli_epi16(token(s, i + 1), 8));
}

void tern_pack_v_avx512bw(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    const ptrdiff_t panel = (ptrdiff_t)tern_k4(m) * TERN_PANEL * TERN_PANEL_K;
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    for (int j = 0; j < n; j += 2 * TERN_PANEL) {
        int8_t *to = b + j / TERN_PANEL * panel;
        for (int i = 0; i < m; i += TERN_PANEL_K, to += TERN_PANEL * TERN_PANEL_K) {
            const struct source s = {x + i * ld_x + j, ld_x, m - i, tern_mask32(n - j), tern_s8_512_of(scale)};
            __m512i p01 = pair(&s, 0), p23 = pair(&s, 2);
            __m512i low = _mm512_unpacklo_epi16(p01, p23), high = _mm512_unpackhi_epi16(p01, p23);
            _mm512_storeu_si512(to, _mm512_permutex2var_epi64(low, first, high));
            if (n - j > TERN_PANEL)
                _mm512_storeu_si512(to + panel, _mm512_permutex2var_epi64(low, second, high));
        }
    }
}
