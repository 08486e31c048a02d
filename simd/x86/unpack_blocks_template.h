/* Template: unpacks the 4-bit blocks of sparse weights to int8, a part of a line at a time: the values begin at 0, so
   that a 16-bit multiplication takes two of them times their multiplier without a carry, and offset * multiplier comes
   off each. Multipliers of a line are 16 bytes, one for four values: of blocks of 16x4 they lie together in the file,
   of narrower ones they are collected. Gives vi_unpack_blocks().

   Included by unpack_blocks_avx2.c and unpack_blocks_sse41.c, after their header of vectors. */
#ifndef TERN_X86_UNPACK_BLOCKS_TEMPLATE_H
#define TERN_X86_UNPACK_BLOCKS_TEMPLATE_H

#include "simd/x86/block_muls.h"

#include <string.h>

enum { PARTS = TERN_LINE / VI_BYTES };

struct book {
    vi value;        /* value + offset of each code */
    vi offset;       /* in each byte */
    vi fours[PARTS]; /* spread VI_S32 of 16 multipliers to the 16-bit pairs of their four values */
};

static ALWAYS_INLINE vi values_of(const struct book *b, vi code, vi mul, int part)
{
    const vi pairs = VI(shuffle_epi8)(mul, b->fours[part]);
    const vi up = VI(mullo_epi16)(VI(shuffle_epi8)(b->value, code), pairs);
    return VI(sub_epi8)(up, VI(mullo_epi16)(pairs, b->offset));
}

/* Line `line` of a panel's. */
static ALWAYS_INLINE void unpack_line(const struct book *b, const uint8_t *lines, int line, const uint8_t *mul,
                                      int8_t *to)
{
    const uint8_t *from = lines + (ptrdiff_t)(line / 2) * TERN_LINE;
    const __m128i shift = _mm_cvtsi32_si128(line % 2 * 4);
    const vi low = VI(set1_epi8)(15), m = vi_table(_mm_loadu_si128((const __m128i *)mul));
    for (int part = 0; part < PARTS; part++) {
        const vi code = vi_and(VI(srl_epi16)(vi_load(from + part * VI_BYTES), shift), low);
        vi_store(to + part * VI_BYTES, values_of(b, code, m, part));
    }
}

static void narrow_panel(const struct book *b, const struct tern_sparse_panel *p, enum tern_block_shape shape,
                         const struct tern_codes *c, int8_t *to)
{
    const int fours = tern_panel_fours(p, shape), lines = fours / TERN_PANEL, left = fours % TERN_PANEL;
    const uint8_t *mul = tern_collect_muls(p, shape, c, to, fours);
    for (int i = 0; i < lines; i++, mul += TERN_PANEL, to += TERN_LINE)
        unpack_line(b, c->line, i, mul, to);
    if (left) {
        uint8_t last[TERN_PANEL] = {0};
        int8_t line[TERN_LINE];
        memcpy(last, mul, (size_t)left);
        unpack_line(b, c->line, lines, last, line);
        memcpy(to, line, (size_t)left * TERN_PANEL_K);
    }
}

static ALWAYS_INLINE void vi_unpack_blocks(const struct tern_sparse *w, const struct tern_codes *codes, int8_t *value,
                                           int panels, int k4)
{
    const __m128i offset = _mm_set1_epi8(codes->book->offset);
    struct book b = {.value = vi_table(_mm_add_epi8(_mm_loadu_si128((const __m128i *)codes->book->value), offset)),
                     .offset = vi_table(offset)};
    for (int part = 0; part < PARTS; part++)
        b.fours[part] = vi_fours(part);
    for (int i = 0; i < panels; i++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        const struct tern_codes c = tern_sparse_codes_at(w, codes, i, k4);
        int8_t *to = value + (ptrdiff_t)(w->first[i] - w->first[0]) * TERN_LINE;
        if (w->shape == TERN_BLOCK_16X4)
            for (int j = 0; j < *p.count; j++)
                unpack_line(&b, c.line, j, c.mul + p.index[j] / c.group * TERN_PANEL, to + (ptrdiff_t)j * TERN_LINE);
        else
            narrow_panel(&b, &p, w->shape, &c, to);
    }
}

#endif
