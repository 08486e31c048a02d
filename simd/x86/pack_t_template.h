/* Template: turns quantised tokens into rows, 16 tokens x VI_S16 columns at a time: as in pack_v a column's bytes of
   four tokens come together in 32 bits, of which 4 x 4 in each half of a register are turned. Sums are added up before,
   a column to a lane. Gives vi_pack_t().

   Included by pack_t_avx2.c and pack_t_sse41.c, after their header of vectors. */
#ifndef TERN_X86_PACK_T_TEMPLATE_H
#define TERN_X86_PACK_T_TEMPLATE_H

#include "simd/x86/pack_int.h"

/* 258 tokens of 127 fit a lane of 16 bits. */
enum { STEP = 16, AT_ONCE = 256, LANES = VI_BYTES / 16 };

/* Bytes of tokens i and i + 1, in turn, which are added to *sum. */
static ALWAYS_INLINE vi pair(const struct vi_tokens *s, int i, vi *sum)
{
    const vi a = vi_token(s, i), b = vi_token(s, i + 1);
    *sum = VI(add_epi16)(*sum, VI(add_epi16)(a, b));
    return vi_or(vi_and(a, VI(set1_epi16)(255)), VI(slli_epi16)(b, 8));
}

/* Four columns of each 128-bit lane of q, four tokens each, to rows of 16 tokens: of r[k] column k of each lane. */
static ALWAYS_INLINE void turn(const vi *q, vi *r)
{
    const vi a = VI(unpacklo_epi32)(q[0], q[1]), b = VI(unpackhi_epi32)(q[0], q[1]);
    const vi c = VI(unpacklo_epi32)(q[2], q[3]), d = VI(unpackhi_epi32)(q[2], q[3]);
    r[0] = VI(unpacklo_epi64)(a, c), r[1] = VI(unpackhi_epi64)(a, c);
    r[2] = VI(unpacklo_epi64)(b, d), r[3] = VI(unpackhi_epi64)(b, d);
}

/* The first `bytes` of row j, if it is one of `rows`. */
static ALWAYS_INLINE void store_row(int8_t *b, ptrdiff_t ld_b, __m128i row, int j, int rows, int bytes)
{
    if (j >= rows)
        return;
    if (bytes >= STEP) {
        _mm_storeu_si128((__m128i *)(void *)(b + j * ld_b), row);
        return;
    }
    int8_t part[STEP];
    _mm_storeu_si128((__m128i *)(void *)part, row);
    memcpy(b + j * ld_b, part, (size_t)bytes);
}

static ALWAYS_INLINE vi turn16(const struct vi_tokens *s, int8_t *b, ptrdiff_t ld_b, vi sum)
{
    vi low[4], high[4], r[8];
    TERN_UNROLL
    for (int q = 0; q < 4; q++) {
        const vi p01 = pair(s, 4 * q, &sum), p23 = pair(s, 4 * q + 2, &sum);
        low[q] = VI(unpacklo_epi16)(p01, p23);
        high[q] = VI(unpackhi_epi16)(p01, p23);
    }
    turn(low, r);
    turn(high, r + 4);
    const int bytes = tern_round_up(s->rows, TERN_PANEL_K);
    TERN_UNROLL
    for (int k = 0; k < 8; k++) {
        store_row(b, ld_b, vi_first_lane(r[k]), k, s->columns, bytes);
        if (LANES > 1)
            store_row(b, ld_b, vi_last_lane(r[k]), 8 + k, s->columns, bytes);
    }
    return sum;
}

static ALWAYS_INLINE void vi_pack_t(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b,
                                    ptrdiff_t ld_b, int32_t *sum, int m, int n)
{
    const struct vi_s8 s8 = vi_s8_of(scale);
    for (int j = 0; j < n; j += VI_S16)
        for (int first = 0; first < m; first += AT_ONCE) {
            vi all = vi_zero();
            for (int i = first; i < m && i < first + AT_ONCE; i += STEP) {
                const struct vi_tokens s = {x + i * ld_x + j, ld_x, m - i, n - j, s8};
                all = turn16(&s, b + j * ld_b + i, ld_b, all);
            }
            int16_t columns[VI_S16];
            vi_store(columns, all);
            for (int k = 0; k < VI_S16 && j + k < n; k++)
                sum[j + k] += columns[k];
        }
}

#endif
