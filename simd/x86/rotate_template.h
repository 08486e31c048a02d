/* Template: turns the heads of a token. Interleaved as (u, v), a pair's new values are pmaddwd by (cos, -sin) and by
   (sin, cos). The angles are the same for every head, so that a register of them stays in registers while the heads
   pass. Gives vi_rotate().

   Included by rotate_avx2.c and rotate_sse41.c, after their header of vectors. */
#ifndef TERN_X86_ROTATE_TEMPLATE_H
#define TERN_X86_ROTATE_TEMPLATE_H

/* VI_S16 pairs, in the order of the unpacks. */
struct pairs {
    vi low, high;
};

static ALWAYS_INLINE struct pairs pairs_of(vi u, vi v)
{
    const struct pairs p = {VI(unpacklo_epi16)(u, v), VI(unpackhi_epi16)(u, v)};
    return p;
}

static ALWAYS_INLINE vi turned(struct pairs x, struct pairs by)
{
    const vi round = VI(set1_epi32)(1 << (TERN_TURN_BITS - 1));
    vi low = VI(add_epi32)(VI(madd_epi16)(x.low, by.low), round);
    vi high = VI(add_epi32)(VI(madd_epi16)(x.high, by.high), round);
    low = VI(srai_epi32)(low, TERN_TURN_BITS), high = VI(srai_epi32)(high, TERN_TURN_BITS);
    return VI(max_epi16)(VI(packs_epi32)(low, high), VI(set1_epi16)(-32767));
}

static ALWAYS_INLINE void vi_rotate(int16_t *x, const int16_t *turn, int heads, int dim, int half)
{
    int i = 0;
    for (; i + VI_S16 <= half; i += VI_S16) {
        const vi c = vi_load(turn + i), s = vi_load(turn + half + i);
        const struct pairs first = pairs_of(c, VI(sub_epi16)(vi_zero(), s));
        const struct pairs second = pairs_of(s, c);
        for (int head = 0; head < heads; head++) {
            int16_t *u = x + head * dim + i, *v = u + half;
            const struct pairs p = pairs_of(vi_load(u), vi_load(v));
            vi_store(u, turned(p, first));
            vi_store(v, turned(p, second));
        }
    }
    tern_rotate_rest(x, turn, heads, dim, half, i);
}

#endif
