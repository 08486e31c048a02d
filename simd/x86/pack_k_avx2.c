/* Packs the keys of an attention head with AVX2, 8 tokens x 16 columns at a time: a register takes the bytes of two
   tokens (packsswb), shufps makes groups of four tokens with the even or the odd groups of four columns, and the
   128-bit pieces of two such make half a panel's row. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/pack_256.h"

/* Tokens i .. i + 3: lane L of `even` has their columns 8 L .. 8 L + 3, of `odd` the next four. */
struct quad {
    __m256i even, odd;
};
static ALWAYS_INLINE struct quad quad(const struct tern_tokens256 *s, int i)
{
    __m256 a = _mm256_castsi256_ps(_mm256_packs_epi16(tern_token256(s, i), tern_token256(s, i + 1)));
    __m256 b = _mm256_castsi256_ps(_mm256_packs_epi16(tern_token256(s, i + 2), tern_token256(s, i + 3)));
    struct quad q = {_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)),
                     _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xDD))};
    return q;
}

void tern_pack_k_avx2(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    enum { GROUP = TERN_PANEL * TERN_PANEL_K };
    const int k4 = tern_k4(n);
    for (int i = 0; i < tern_round_up(m, TERN_PANEL); i += 8) {
        for (int j = 0; j < n; j += 16) {
            const struct tern_tokens256 s = {x + i * ld_x + j, ld_x, m - i, n - j, tern_s8_256_of(scale)};
            const struct quad q = quad(&s, 0), r = quad(&s, 4);
            const int first = j / TERN_PANEL_K, groups = k4 - first;
            int8_t *to = b + ((ptrdiff_t)(i / TERN_PANEL) * k4 + first) * GROUP + i % TERN_PANEL * TERN_PANEL_K;
            tern_store256(to, _mm256_permute2x128_si256(q.even, r.even, 0x20));
            if (groups > 1)
                tern_store256(to + GROUP, _mm256_permute2x128_si256(q.odd, r.odd, 0x20));
            if (groups > 2)
                tern_store256(to + 2 * GROUP, _mm256_permute2x128_si256(q.even, r.even, 0x31));
            if (groups > 3)
                tern_store256(to + 3 * GROUP, _mm256_permute2x128_si256(q.odd, r.odd, 0x31));
        }
    }
}
