/* Unpacks the 4-bit blocks of sparse weights to int8 with AVX-512BW, a line at a time: the values begin at 0, so that a
   16-bit multiplication takes two of them times their multiplier without a carry, and offset * multiplier comes off
   each. Multipliers of a line are 16 bytes, one for four values: of blocks of 16x4 they lie together in the file, of
   narrower ones they are collected. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"
#include "simd/x86/block_muls.h"
#include "simd/x86/spmm512.h"

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
        _mm512_storeu_si512(to + TERN_LINE, values_of(b, codes_of(c->line, i + 1), muls_at(c, p->index[i + 1], shift)));
    }
    if (blocks & 1)
        _mm512_storeu_si512(to, values_of(b, codes_of(c->line, blocks - 1), muls_at(c, p->index[blocks - 1], shift)));
}

/* Groups whose multipliers of a channel one pshufb looks up. */
enum { PIECE = 16 };

/* mul[groups][16 channels], up to PIECE groups, to table[channel % 4][channel / 4][PIECE groups]. */
static ALWAYS_INLINE void by_channel(uint8_t table[4][4][PIECE], const uint8_t *mul, int groups)
{
    const __m512i words = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i r[4]; /* of four groups, four channels in each 128 bits: first by group, then by channel */
    TERN_UNROLL
    for (int i = 0; i < 4; i++) {
        const int left = groups - 4 * i;
        const __m512i x = left > 0 ? _mm512_maskz_loadu_epi32(tern_mask16(4 * left), mul + (ptrdiff_t)i * TERN_LINE)
                                   : _mm512_setzero_si512();
        r[i] = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(words, x), bytes);
    }
    tern_transpose4(r);
    TERN_UNROLL
    for (int i = 0; i < 4; i++)
        _mm512_storeu_si512(table[i], r[i]);
}

/* tern_collect_muls for 1x4. */
static const uint8_t *collect_ones(const struct tern_sparse_panel *p, const struct tern_codes *c, int groups,
                                   int8_t *value, int fours)
{
    const __m128i shift = _mm_cvtsi32_si128(__builtin_ctz((unsigned)c->group));
    uint8_t *const first = tern_muls_place(value, fours);
    for (int piece = 0; piece < groups; piece += PIECE) {
        uint8_t table[4][4][PIECE], *to = first;
        const uint16_t *index = p->index;
        by_channel(table, c->mul + (ptrdiff_t)piece * TERN_PANEL, groups - piece);
        for (int i = 0; i < TERN_PANEL; i++) {
            const __m256i mul = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table[i % 4][i / 4]));
            for (int left = p->count[i]; left > 0; left -= 32) {
                const __mmask32 some = tern_mask32(left);
                const __m512i group = _mm512_srl_epi16(_mm512_maskz_loadu_epi16(some, index), shift);
                const __m512i within = _mm512_sub_epi16(group, _mm512_set1_epi16((int16_t)piece));
                const __mmask32 here = _mm512_mask_cmplt_epu16_mask(some, within, _mm512_set1_epi16(PIECE));
                _mm256_mask_storeu_epi8(to, here, _mm256_shuffle_epi8(mul, _mm512_cvtepi16_epi8(within)));
                const int step = left < 32 ? left : 32;
                index += step;
                to += step;
            }
        }
    }
    return first;
}

static void narrow_panel(const struct book *b, const struct tern_sparse_panel *p, enum tern_block_shape shape,
                         const struct tern_codes *c, int groups, int8_t *to)
{
    const int fours = tern_panel_fours(p, shape), lines = fours / TERN_PANEL, left = fours % TERN_PANEL;
    const uint8_t *mul =
        shape == TERN_BLOCK_1X4 ? collect_ones(p, c, groups, to, fours) : tern_collect_muls(p, shape, c, to, fours);
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
            narrow_panel(&b, &p, w->shape, &c, tern_code_groups(&c, k4), to);
    }
}
