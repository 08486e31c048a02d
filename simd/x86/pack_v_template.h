/* Template: packs the values of an attention head, 4 tokens x VI_S16 columns at a time: two tokens' bytes are merged
   into one 16-bit lane, and two such are interleaved. Gives vi_pack_v().

   Included by pack_v_avx2.c and pack_v_sse41.c, after their header of vectors. */
#ifndef TERN_X86_PACK_V_TEMPLATE_H
#define TERN_X86_PACK_V_TEMPLATE_H

#include "simd/x86/pack_int.h"

/* Bytes of tokens i and i + 1, in turn. */
static ALWAYS_INLINE vi pair(const struct vi_tokens *s, int i)
{
    vi low = vi_and(vi_token(s, i), VI(set1_epi16)(255));
    return vi_or(low, VI(slli_epi16)(vi_token(s, i + 1), 8));
}

static ALWAYS_INLINE void vi_pack_v(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, int m,
                                    int n)
{
    enum { GROUP = TERN_PANEL * TERN_PANEL_K };
    const ptrdiff_t panel = (ptrdiff_t)tern_k4(m) * GROUP;
    for (int j = 0; j < tern_round_up(n, TERN_PANEL); j += VI_S16) {
        int8_t *to = b + j / TERN_PANEL * panel + j % TERN_PANEL * TERN_PANEL_K;
        for (int i = 0; i < m; i += TERN_PANEL_K, to += GROUP) {
            const struct vi_tokens s = {x + i * ld_x + j, ld_x, m - i, n - j, vi_s8_of(scale)};
            vi p01 = pair(&s, 0), p23 = pair(&s, 2);
            vi low = VI(unpacklo_epi16)(p01, p23), high = VI(unpackhi_epi16)(p01, p23);
            vi_store(to, vi_unpacked_first(low, high));
            vi_store(to + VI_BYTES, vi_unpacked_second(low, high));
        }
    }
}

#endif
