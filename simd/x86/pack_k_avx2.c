/* Packs the keys of an attention head with AVX2, 8 tokens x 16 columns at a time: a register takes the bytes of two
   tokens (packsswb), shufps makes groups of four tokens with the even or the odd groups of four columns, and the
   128-bit pieces of two such make half a panel's row. */
#include "simd/x86/int_256.h"

#include "simd/x86/pack_int.h"

/* Tokens i .. i + 3: lane L of `even` has their columns 8 L .. 8 L + 3, of `odd` the next four. */
struct quad {
    vi even, odd;
};
static ALWAYS_INLINE struct quad quad(const struct vi_tokens *s, int i)
{
    __m256 a = _mm256_castsi256_ps(_mm256_packs_epi16(vi_token(s, i), vi_token(s, i + 1)));
    __m256 b = _mm256_castsi256_ps(_mm256_packs_epi16(vi_token(s, i + 2), vi_token(s, i + 3)));
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
            const struct vi_tokens s = {x + i * ld_x + j, ld_x, m - i, n - j, vi_s8_of(scale)};
            const struct quad q = quad(&s, 0), r = quad(&s, 4);
            const int first = j / TERN_PANEL_K, groups = k4 - first;
            int8_t *to = b + ((ptrdiff_t)(i / TERN_PANEL) * k4 + first) * GROUP + i % TERN_PANEL * TERN_PANEL_K;
            vi_store(to, vi_unpacked_first(q.even, r.even));
            if (groups > 1)
                vi_store(to + GROUP, vi_unpacked_first(q.odd, r.odd));
            if (groups > 2)
                vi_store(to + 2 * GROUP, vi_unpacked_second(q.even, r.even));
            if (groups > 3)
                vi_store(to + 3 * GROUP, vi_unpacked_second(q.odd, r.odd));
        }
    }
}
