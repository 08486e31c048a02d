/* Multiplies weights of 1 to 3 bits with AVX-512BW, by table look-up (T-MAC: Wei et al., EuroSys 2025): a nibble of a
   plane is four weights of a channel, and pshufb finds the sum of the activations that they choose, 64 of them at a
   time: 256 products in two look-ups, one for the low six bits and one for the rest. A lane of a register is a pair of
   steps with its own table.

   Sums: four low parts fit a byte (4 * 63), the high parts of eight lines an int8 (8 * 2 * 8 = 128, and only the
   negative end is reached). A segment is at most eight blocks, so the lanes' totals fit 16 bits, of all four pairs
   together: 64 sums of at most 508. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

// clang-format off
enum { SEGMENT = 8 /* blocks */ };
_Static_assert(SEGMENT * TERN_BLOCK_STEPS * 4 * 127 <= INT16_MAX, "a segment's sums fit 16 bits");
// clang-format on

/* The sums of one plane of one segment: low parts of even and odd channels in 16 bits, high parts in 8. */
struct sums {
    __m512i even, odd, high;
};

static ALWAYS_INLINE void look_up(const uint8_t *table, const uint8_t *line, __m512i *low, __m512i *high)
{
    const __m512i nibble = _mm512_set1_epi8(15), codes = _mm512_loadu_si512(line);
    const __m512i first = _mm512_and_si512(codes, nibble);
    const __m512i second = _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble);
    *low = _mm512_add_epi8(_mm512_shuffle_epi8(_mm512_loadu_si512(table), first),
                           _mm512_shuffle_epi8(_mm512_loadu_si512(table + 2 * TERN_LINE), second));
    *high = _mm512_add_epi8(_mm512_shuffle_epi8(_mm512_loadu_si512(table + TERN_LINE), first),
                            _mm512_shuffle_epi8(_mm512_loadu_si512(table + 3 * TERN_LINE), second));
}

static ALWAYS_INLINE void add_low(struct sums *s, __m512i low)
{
    s->even = _mm512_add_epi16(s->even, _mm512_and_si512(low, _mm512_set1_epi16(255)));
    s->odd = _mm512_add_epi16(s->odd, _mm512_srli_epi16(low, 8));
}

/* The sums of the four lanes. */
static ALWAYS_INLINE __m128i add_lanes(__m512i x)
{
    const __m256i two = _mm256_add_epi16(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    return _mm_add_epi16(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

/* Puts the 16 channels in order, in 32 bits. */
static ALWAYS_INLINE __m512i channels(const struct sums *s)
{
    const __m512i even = _mm512_srai_epi16(_mm512_slli_epi16(s->high, 8), 8), odd = _mm512_srai_epi16(s->high, 8);
    const __m128i e = add_lanes(_mm512_add_epi16(s->even, _mm512_slli_epi16(even, TERN_LUT_LOW_BITS)));
    const __m128i o = add_lanes(_mm512_add_epi16(s->odd, _mm512_slli_epi16(odd, TERN_LUT_LOW_BITS)));
    return _mm512_cvtepi16_epi32(_mm256_set_m128i(_mm_unpackhi_epi16(e, o), _mm_unpacklo_epi16(e, o)));
}

/* `blocks` <= SEGMENT blocks of plane 0 of `bits`: what the codes' bit there chooses, in all. */
static ALWAYS_INLINE __m512i plane(const uint8_t *table, const uint8_t *line, int blocks, const int bits)
{
    const __m512i zero = _mm512_setzero_si512();
    struct sums s = {zero, zero, zero};
    __m512i low0, low1, high0, high1;
    const ptrdiff_t next = (ptrdiff_t)bits * TERN_LINE;
    for (; blocks >= 2; blocks -= 2, table += 2 * TERN_LUT_BLOCK, line += 2 * next) {
        look_up(table, line, &low0, &high0);
        look_up(table + TERN_LUT_BLOCK, line + next, &low1, &high1);
        add_low(&s, _mm512_add_epi8(low0, low1));
        s.high = _mm512_add_epi8(s.high, _mm512_add_epi8(high0, high1));
    }
    if (blocks) {
        look_up(table, line, &low0, &high0);
        add_low(&s, low0);
        s.high = _mm512_add_epi8(s.high, high0);
    }
    return channels(&s);
}

/* One row by one panel. */
static ALWAYS_INLINE void row(const uint8_t *table, const int32_t *sum, const struct tern_codes *w, int32_t *c,
                              int blocks, const int bits)
{
    const int segment = w->mul ? w->group / TERN_BLOCK_STEPS : SEGMENT;
    const uint8_t *line = w->line, *mul = w->mul;
    __m512i total = _mm512_setzero_si512();
    for (int block = 0; block < blocks; block += segment) {
        const int count = blocks - block < segment ? blocks - block : segment;
        __m512i codes = plane(table, line, count, bits);
        if (bits > 1)
            codes = _mm512_add_epi32(codes, _mm512_slli_epi32(plane(table, line + TERN_LINE, count, bits), 1));
        if (bits > 2)
            codes = _mm512_add_epi32(codes, _mm512_slli_epi32(plane(table, line + 2 * TERN_LINE, count, bits), 2));
        int32_t all = 0;
        for (int i = 0; i < count; i++)
            all += *sum++;
        codes = w->book->step == 2 ? _mm512_add_epi32(codes, codes) : codes;
        codes = _mm512_sub_epi32(codes, _mm512_set1_epi32(w->book->offset * all));
        if (mul) {
            codes = _mm512_mullo_epi32(codes, _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)mul)));
            mul += TERN_PANEL;
        }
        total = _mm512_add_epi32(total, codes);
        table += count * TERN_LUT_BLOCK;
        line += (ptrdiff_t)count * bits * TERN_LINE;
    }
    _mm512_storeu_si512(c, total);
}

#include "simd/x86/gemm_lut_template.h"

void tern_gemm_lut_avx512bw(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                            const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    gemm_lut(table, ld_table, sum, ld_sum, w, c, ld_c, m, panels, k4);
}
