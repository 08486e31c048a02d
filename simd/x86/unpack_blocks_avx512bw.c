/* 4-bit blocks to int8, a line at a time: the values begin at 0, so that a 16-bit multiplication takes two of them times
   their multiplier without a carry, and offset * multiplier comes off each. Multipliers of a line are 16 bytes, one for
   four values: of blocks of 16x4 they lie together in the file, of narrower ones they are collected. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"
#include "simd/x86/block_muls.h"

struct book {
    __m512i value;  /* value + offset of each code */
    __m512i offset; /* in each byte */
    __m512i fours;  /* spreads 16 multipliers to the 16-bit pairs of their four values */
};

static ALWAYS_INLINE __m512i values_of(const struct book *b, __m512i code, __m128i mul)
{
    const __m512i pairs = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(mul), b->fours);
    const __m512i up = _mm512_mullo_epi16(_mm512_shuffle_epi8(b->value, code), pairs);
    return _mm512_sub_epi8(up, _mm512_mullo_epi16(pairs, b->offset));
}

/* The codes of line `line` of a panel. */
static ALWAYS_INLINE __m512i codes_of(const uint8_t *lines, int line)
{
    const __m512i pair = _mm512_loadu_si512(lines + (ptrdiff_t)(line / 2) * TERN_LINE);
    return _mm512_and_si512(line % 2 ? _mm512_srli_epi16(pair, 4) : pair, _mm512_set1_epi8(15));
}

static ALWAYS_INLINE __m128i muls_at(const struct tern_codes *c, int step, int shift)
{
    return _mm_loadu_si128((const __m128i *)(c->mul + (ptrdiff_t)(step >> shift) * TERN_PANEL));
}

static void wide_panel(const struct book *b, const struct tern_sparse_panel *p, const struct tern_codes *c, int8_t *to)
{
    const int shift = __builtin_ctz((unsigned)c->group), blocks = *p->count;
    for (int i = 0; i + 1 < blocks; i += 2, to += 2 * TERN_LINE) {
        _mm512_storeu_si512(to, values_of(b, codes_of(c->line, i), muls_at(c, p->index[i], shift)));
        _mm512_storeu_si512(to + TERN_LINE,
                            values_of(b, codes_of(c->line, i + 1), muls_at(c, p->index[i + 1], shift)));
    }
    if (blocks & 1)
        _mm512_storeu_si512(to, values_of(b, codes_of(c->line, blocks - 1), muls_at(c, p->index[blocks - 1], shift)));
}

static void narrow_panel(const struct book *b, const struct tern_sparse_panel *p, enum tern_block_shape shape,
                         const struct tern_codes *c, int8_t *to)
{
    const int fours = tern_panel_fours(p, shape), lines = fours / TERN_PANEL, left = fours % TERN_PANEL;
    const uint8_t *mul = tern_collect_muls(p, shape, c, to, fours);
    for (int i = 0; i < lines; i++, mul += TERN_PANEL, to += TERN_LINE)
        _mm512_storeu_si512(to, values_of(b, codes_of(c->line, i), _mm_loadu_si128((const __m128i *)mul)));
    if (left) {
        const __m128i last = _mm_maskz_loadu_epi8(tern_mask16(left), mul);
        _mm512_mask_storeu_epi32(to, tern_mask16(left), values_of(b, codes_of(c->line, lines), last));
    }
}

void tern_unpack_blocks_avx512bw(const struct tern_sparse *w, const struct tern_codes *codes, int8_t *value, int panels,
                                 int k4)
{
    const __m128i offset = _mm_set1_epi8(codes->book->offset);
    const __m512i byte = _mm512_set1_epi32((int32_t)0x80008000);
    const __m512i channel = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const struct book b = {
        _mm512_broadcast_i32x4(_mm_add_epi8(_mm_loadu_si128((const __m128i *)codes->book->value), offset)),
        _mm512_broadcast_i32x4(offset),
        _mm512_or_si512(byte, _mm512_or_si512(channel, _mm512_slli_epi32(channel, 16)))};
    for (int i = 0; i < panels; i++) {
        const struct tern_sparse_panel p = tern_sparse_panel_at(w, i);
        const struct tern_codes c = tern_sparse_codes_at(w, codes, i, k4);
        int8_t *to = value + (ptrdiff_t)(w->first[i] - w->first[0]) * TERN_LINE;
        if (w->shape == TERN_BLOCK_16X4)
            wide_panel(&b, &p, &c, to);
        else
            narrow_panel(&b, &p, w->shape, &c, to);
    }
}
