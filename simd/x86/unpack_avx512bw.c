/* Unpacks low-bit weights to int8 with AVX-512BW, a k step per register. Nibbles look their values up (pshufb); a
   plane's byte is copied to its channel's four bytes and tested bit by bit. Values begin at 0 (value + offset), so that
   two of them times their multiplier are one 16-bit product that does not carry: 30 * 8 < 256. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

/* A channel's byte to its four bytes: lane l of 16 bytes takes channels 4 l .. 4 l + 3. */
static ALWAYS_INLINE __m512i four_of_each(const uint8_t *channels)
{
    const __m512i first = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i index = _mm512_mullo_epi32(first, _mm512_set1_epi32(0x01010101));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)channels)), index);
}

/* A group's multipliers: as 16-bit factors, and what they make of the offset. */
struct factors {
    __m512i mul, offset;
};

static ALWAYS_INLINE struct factors factors_of(const struct tern_codes *w, int group)
{
    const __m512i offset = _mm512_set1_epi8(w->book->offset);
    if (!w->mul) {
        const struct factors ones = {_mm512_set1_epi16(1), offset};
        return ones;
    }
    const __m512i bytes = four_of_each(w->mul + (ptrdiff_t)group * TERN_PANEL);
    const __m512i mul = _mm512_and_si512(bytes, _mm512_set1_epi16(255));
    const struct factors f = {mul, _mm512_mullo_epi16(offset, mul)};
    return f;
}

static ALWAYS_INLINE void put(int8_t *b, __m512i raised, struct factors f)
{
    _mm512_storeu_si512(b, _mm512_sub_epi8(_mm512_mullo_epi16(raised, f.mul), f.offset));
}

/* value + offset of each code, 16 of them in every lane. */
static ALWAYS_INLINE __m512i raised_values(const struct tern_codebook *book)
{
    const __m128i value = _mm_loadu_si128((const __m128i *)book->value);
    return _mm512_broadcast_i32x4(_mm_add_epi8(value, _mm_set1_epi8(book->offset)));
}

/* A table is looked up; of a line of slope 1 (int4) the code itself is value + offset. */
static ALWAYS_INLINE __m512i raised_of(__m512i value, __m512i code, const int linear)
{
    return linear ? code : _mm512_shuffle_epi8(value, code);
}

static ALWAYS_INLINE void nibbles(const struct tern_codes *w, int8_t *b, int k4, const int linear)
{
    const __m512i value = raised_values(w->book), low = _mm512_set1_epi8(15);
    const int group = w->mul ? w->group : k4;
    const uint8_t *line = w->line;
    for (int k = 0; k < k4; k += group) {
        const struct factors f = factors_of(w, k / group);
        int steps = k + group < k4 ? group : k4 - k;
        UNROLL_BY2
        for (; steps >= 2; steps -= 2, line += TERN_LINE, b += 2 * TERN_LINE) {
            const __m512i codes = _mm512_loadu_si512(line);
            put(b, raised_of(value, _mm512_and_si512(codes, low), linear), f);
            put(b + TERN_LINE, raised_of(value, _mm512_and_si512(_mm512_srli_epi16(codes, 4), low), linear), f);
        }
        if (steps) {
            put(b, raised_of(value, _mm512_and_si512(_mm512_loadu_si512(line), low), linear), f);
            b += TERN_LINE;
        }
    }
}

static ALWAYS_INLINE void planes(const struct tern_codes *w, int8_t *b, int k4, const int bits)
{
    const __m512i even = _mm512_set1_epi32(0x08040201), odd = _mm512_set1_epi32((int)0x80402010);
    const int group = w->mul ? w->group : tern_round_up(k4, TERN_BLOCK_STEPS);
    struct factors f = factors_of(w, 0);
    for (int step = 0; step < k4; step++, b += TERN_LINE) {
        if (w->mul && step % group == 0)
            f = factors_of(w, step / group);
        const int within = step % TERN_BLOCK_STEPS;
        const uint8_t *line =
            w->line + (ptrdiff_t)(step / TERN_BLOCK_STEPS) * bits * TERN_LINE + within / 2 * TERN_PANEL;
        const __m512i bit = within % 2 ? odd : even;
        __m512i raised = _mm512_setzero_si512();
        TERN_UNROLL
        for (int plane = 0; plane < bits; plane++) {
            const __mmask64 set = _mm512_test_epi8_mask(four_of_each(line + plane * TERN_LINE), bit);
            const __m512i part = _mm512_maskz_mov_epi8(set, _mm512_set1_epi8((char)(w->book->step << plane)));
            raised = _mm512_add_epi8(raised, part);
        }
        put(b, raised, f);
    }
}

void tern_unpack_avx512bw(const struct tern_codes *w, int8_t *b, int panels, int k4)
{
    for (int p = 0; p < panels; p++, b += (ptrdiff_t)k4 * TERN_LINE) {
        const struct tern_codes panel = tern_codes_at(w, p, k4);
        switch (w->book->bits) {
        case 1: planes(&panel, b, k4, 1); break;
        case 2: planes(&panel, b, k4, 2); break;
        case 3: planes(&panel, b, k4, 3); break;
        default:
            if (w->book->step == 1)
                nibbles(&panel, b, k4, 1);
            else
                nibbles(&panel, b, k4, 0);
        }
    }
}
