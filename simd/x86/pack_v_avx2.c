/* Packs the values of an attention head with AVX2, 4 tokens x 16 columns at a time: two tokens' bytes are merged into
   one 16-bit lane, two such are interleaved, and two permutes set the lanes straight. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/pack_256.h"

/* Bytes of tokens i and i + 1, in turn. */
static ALWAYS_INLINE __m256i pair(const struct tern_tokens256 *s, int i)
{
    __m256i low = _mm256_and_si256(tern_token256(s, i), _mm256_set1_epi16(255));
    return _mm256_or_si256(low, _mm256_slli_epi16(tern_token256(s, i + 1), 8));
}

void tern_pack_v_avx2(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    enum { GROUP = TERN_PANEL * TERN_PANEL_K };
    const ptrdiff_t panel = (ptrdiff_t)tern_k4(m) * GROUP;
    for (int j = 0; j < n; j += TERN_PANEL) {
        int8_t *to = b + j / TERN_PANEL * panel;
        for (int i = 0; i < m; i += TERN_PANEL_K, to += GROUP) {
            const struct tern_tokens256 s = {x + i * ld_x + j, ld_x, m - i, n - j, tern_s8_256_of(scale)};
            __m256i p01 = pair(&s, 0), p23 = pair(&s, 2);
            __m256i low = _mm256_unpacklo_epi16(p01, p23), high = _mm256_unpackhi_epi16(p01, p23);
            tern_store256(to, _mm256_permute2x128_si256(low, high, 0x20));
            tern_store256(to + GROUP / 2, _mm256_permute2x128_si256(low, high, 0x31));
        }
    }
}
