/* Packs the keys of an attention head with SSE4.1, 4 tokens x 8 columns at a time: a register takes the bytes of two
   tokens, and shufps makes four tokens' first or last four columns of two of these. */
#include "simd/x86/int_128.h"

#include "simd/x86/pack_int.h"

void tern_pack_k_sse41(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m, int n)
{
    enum { GROUP = TERN_PANEL * TERN_PANEL_K };
    const int k4 = tern_k4(n);
    for (int i = 0; i < tern_round_up(m, TERN_PANEL); i += 4) {
        int8_t *to = b + (ptrdiff_t)(i / TERN_PANEL) * k4 * GROUP + i % TERN_PANEL * TERN_PANEL_K;
        for (int j = 0; j < n; j += VI_S16, to += 2 * GROUP) {
            const struct vi_tokens s = {x + i * ld_x + j, ld_x, m - i, n - j, vi_s8_of(scale)};
            const __m128 two = _mm_castsi128_ps(_mm_packs_epi16(vi_token(&s, 0), vi_token(&s, 1)));
            const __m128 next = _mm_castsi128_ps(_mm_packs_epi16(vi_token(&s, 2), vi_token(&s, 3)));
            vi_store(to, _mm_castps_si128(_mm_shuffle_ps(two, next, 0x88)));
            if (n - j > TERN_PANEL_K)
                vi_store(to + GROUP, _mm_castps_si128(_mm_shuffle_ps(two, next, 0xDD)));
        }
    }
}
