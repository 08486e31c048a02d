/* Unpacks the 4-bit blocks of sparse weights to int8 with NEON, 16 values at a time: a code's value by one tbl, the
   multipliers of four fours of values by another, and an 8-bit multiply, as the product fits. Blocks of 1x4 bring one
   multiplier each; four of them are collected first. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

#include <string.h>

enum { PIECE = 16, FOURS = PIECE / TERN_PANEL_K };

struct book {
    int8x16_t value;
    uint8x16_t fours; /* spreads four bytes to four bytes each */
};

/* Values `at` .. `at` + 15 of a panel, a multiple of 16 each; byte i of `mul` is the multiplier of the i-th four. */
TERN_INLINE int8x16_t values_at(const struct book *b, const uint8_t *lines, ptrdiff_t at, uint32_t mul)
{
    const uint8x16_t codes = vld1q_u8(lines + at / (2 * TERN_LINE) * TERN_LINE + at % TERN_LINE);
    const uint8x16_t muls = vqtbl1q_u8(vreinterpretq_u8_u32(vdupq_n_u32(mul)), b->fours);
    const uint8x16_t code = tern_neon_nibble(codes, (int)(at / TERN_LINE % 2));
    return vmulq_s8(vqtbl1q_s8(b->value, code), vreinterpretq_s8_u8(muls));
}

/* The multipliers of four channels, which lie together. */
TERN_INLINE uint32_t four_muls(const uint8_t *mul)
{
    uint32_t four;
    memcpy(&four, mul, sizeof four);
    return four;
}

/* Blocks of 16x4 and 4x4: whole pieces. */
static void wide_panel(const struct book *b, const struct tern_sparse_panel *p, enum tern_block_shape shape,
                       const struct tern_codes *c, int8_t *to)
{
    const int outputs = tern_block_outputs(shape), shift = __builtin_ctz((unsigned)c->group);
    ptrdiff_t at = 0;
    for (int strip = 0, block = 0; strip < tern_block_strips(shape); strip++)
        for (int end = block + p->count[strip]; block < end; block++) {
            const uint8_t *mul = c->mul + (ptrdiff_t)(p->index[block] >> shift) * TERN_PANEL + strip * outputs;
            for (int i = 0; i < outputs; i += FOURS, at += PIECE)
                vst1q_s8(to + at, values_at(b, c->line, at, four_muls(mul + i)));
        }
}

static void row_panel(const struct book *b, const struct tern_sparse_panel *p, const struct tern_codes *c, int8_t *to)
{
    const int shift = __builtin_ctz((unsigned)c->group);
    uint8_t mul[FOURS] = {0};
    int block = 0;
    for (int strip = 0; strip < TERN_PANEL; strip++)
        for (int end = block + p->count[strip]; block < end; block++) {
            mul[block % FOURS] = c->mul[(ptrdiff_t)(p->index[block] >> shift) * TERN_PANEL + strip];
            if (block % FOURS == FOURS - 1) {
                const ptrdiff_t at = (ptrdiff_t)(block / FOURS) * PIECE;
                vst1q_s8(to + at, values_at(b, c->line, at, four_muls(mul)));
            }
        }
    if (block % FOURS) {
        int8_t last[PIECE];
        const ptrdiff_t at = (ptrdiff_t)(block / FOURS) * PIECE;
        vst1q_s8(last, values_at(b, c->line, at, four_muls(mul)));
        memcpy(to + at, last, (size_t)(block % FOURS) * TERN_PANEL_K);
    }
}

void tern_unpack_blocks_neon(const struct tern_sparse *w, const struct tern_codes *codes, int8_t *value, int panels,
                             int k4)
{
    static const uint8_t fours[PIECE] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    const struct book b = {vld1q_s8(codes->book->value), vld1q_u8(fours)};
    for (int i = 0; i < panels; i++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        const struct tern_codes c = tern_sparse_codes_at(w, codes, i, k4);
        int8_t *to = value + (ptrdiff_t)(w->first[i] - w->first[0]) * TERN_LINE;
        if (w->shape == TERN_BLOCK_1X4)
            row_panel(&b, &p, &c, to);
        else
            wide_panel(&b, &p, w->shape, &c, to);
    }
}
