/* Unpacks the 4-bit blocks of sparse weights to int8 with AVX2, half a line at a time: the values begin at 0, so that a
   16-bit multiplication takes two of them times their multiplier without a carry, and offset * multiplier comes off
   each. Multipliers of a line are 16 bytes, one for four values: of blocks of 16x4 they lie together in the file, of
   narrower ones they are collected. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"
#include "simd/x86/block_muls.h"

#include <string.h>

enum { HALF = TERN_LINE / 2 };

struct book {
    __m256i value;    /* value + offset of each code */
    __m256i offset;   /* in each byte */
    __m256i fours[2]; /* spreads 8 of 16 multipliers to the 16-bit pairs of their four values */
};

static ALWAYS_INLINE __m256i values_of(const struct book *b, __m256i code, __m256i mul, int half)
{
    const __m256i pairs = _mm256_shuffle_epi8(mul, b->fours[half]);
    const __m256i up = _mm256_mullo_epi16(_mm256_shuffle_epi8(b->value, code), pairs);
    return _mm256_sub_epi8(up, _mm256_mullo_epi16(pairs, b->offset));
}

/* Line `line` of a panel's. */
static ALWAYS_INLINE void unpack_line(const struct book *b, const uint8_t *lines, int line, const uint8_t *mul,
                                      int8_t *to)
{
    const uint8_t *from = lines + (ptrdiff_t)(line / 2) * TERN_LINE;
    const __m128i shift = _mm_cvtsi32_si128(line % 2 * 4);
    const __m256i low = _mm256_set1_epi8(15), m = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)mul));
    for (int half = 0; half < 2; half++) {
        const __m256i code = _mm256_and_si256(_mm256_srl_epi16(tern_load256(from + half * HALF), shift), low);
        tern_store256(to + half * HALF, values_of(b, code, m, half));
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

void tern_unpack_blocks_avx2(const struct tern_sparse *w, const struct tern_codes *codes, int8_t *value, int panels,
                             int k4)
{
    const __m128i offset = _mm_set1_epi8(codes->book->offset);
    const __m256i byte = _mm256_set1_epi32((int32_t)0x80008000);
    const __m256i channel = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), both = _mm256_set1_epi32(0x00080008);
    const __m256i first = _mm256_or_si256(byte, _mm256_or_si256(channel, _mm256_slli_epi32(channel, 16)));
    const struct book b = {
        _mm256_broadcastsi128_si256(_mm_add_epi8(_mm_loadu_si128((const __m128i *)codes->book->value), offset)),
        _mm256_broadcastsi128_si256(offset),
        {first, _mm256_or_si256(first, both)}};
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
