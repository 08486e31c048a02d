/* Multiplies weights of 1 to 3 bits with SSE4.1, as gemm_lut_avx2.c does, but with one pair of steps per register: a
   line of codes is four of them. */
#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/table.h"
#include "simd/x86/sse41.h"

// clang-format off
enum { SEGMENT = 8 /* blocks */, PAIRS = 4 };
_Static_assert(SEGMENT * TERN_BLOCK_STEPS * 4 * 127 <= INT16_MAX, "a segment's sums fit 16 bits");
// clang-format on

/* The sums of one plane of one segment: low parts of even and odd channels in 16 bits, high parts in 8, of each pair by
   itself (8 blocks x 2 look-ups x -8 = -128 fits). */
struct sums {
    __m128i even, odd, high[PAIRS];
};

/* The sums of a pair's two steps that the codes choose. */
static ALWAYS_INLINE __m128i two_of(const uint8_t *table, __m128i first, __m128i second)
{
    return _mm_add_epi8(_mm_shuffle_epi8(tern_load128(table), first),
                        _mm_shuffle_epi8(tern_load128(table + 2 * TERN_LINE), second));
}

/* One block of a plane: eight look-ups of low parts do not fit a byte, four do. */
static ALWAYS_INLINE void add_block(struct sums *s, const uint8_t *table, const uint8_t *line)
{
    const __m128i nibble = _mm_set1_epi8(15);
    __m128i before = nibble; /* the low parts of the pair before */
    TERN_UNROLL
    for (int pair = 0; pair < PAIRS; pair++, table += TERN_PANEL, line += TERN_PANEL) {
        const __m128i codes = tern_load128(line);
        const __m128i first = _mm_and_si128(codes, nibble), second = _mm_and_si128(_mm_srli_epi16(codes, 4), nibble);
        const __m128i low = two_of(table, first, second);
        s->high[pair] = _mm_add_epi8(s->high[pair], two_of(table + TERN_LINE, first, second));
        if (pair % 2) {
            const __m128i four = _mm_add_epi8(before, low);
            s->even = _mm_add_epi16(s->even, _mm_and_si128(four, _mm_set1_epi16(255)));
            s->odd = _mm_add_epi16(s->odd, _mm_srli_epi16(four, 8));
        }
        before = low;
    }
}

static ALWAYS_INLINE __m128i signed_even(__m128i bytes)
{
    return _mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8);
}

/* 16 channels in order, 16 bits. */
struct channels {
    __m128i first, second;
};

static ALWAYS_INLINE struct channels plane(const uint8_t *table, const uint8_t *line, int blocks, const int bits)
{
    const __m128i zero = _mm_setzero_si128();
    struct sums s = {zero, zero, {zero, zero, zero, zero}};
    for (int i = 0; i < blocks; i++)
        add_block(&s, table + i * TERN_LUT_BLOCK, line + (ptrdiff_t)i * bits * TERN_LINE);
    __m128i even = zero, odd = zero; /* high parts */
    TERN_UNROLL
    for (int pair = 0; pair < PAIRS; pair++) {
        even = _mm_add_epi16(even, signed_even(s.high[pair]));
        odd = _mm_add_epi16(odd, _mm_srai_epi16(s.high[pair], 8));
    }
    const __m128i e = _mm_add_epi16(s.even, _mm_slli_epi16(even, TERN_LUT_LOW_BITS));
    const __m128i o = _mm_add_epi16(s.odd, _mm_slli_epi16(odd, TERN_LUT_LOW_BITS));
    return (struct channels){_mm_unpacklo_epi16(e, o), _mm_unpackhi_epi16(e, o)};
}

/* The sums of four channels of a segment, of which the planes' are the lower halves of p0, p1 and p2, times the
   multipliers, added to c. */
static ALWAYS_INLINE void finish(int32_t *c, __m128i p0, __m128i p1, __m128i p2, const struct tern_codebook *book,
                                 int32_t all, const uint8_t *mul)
{
    __m128i codes = _mm_cvtepi16_epi32(p0);
    codes = _mm_add_epi32(codes, _mm_slli_epi32(_mm_cvtepi16_epi32(p1), 1));
    codes = _mm_add_epi32(codes, _mm_slli_epi32(_mm_cvtepi16_epi32(p2), 2));
    codes = book->step == 2 ? _mm_add_epi32(codes, codes) : codes;
    codes = _mm_sub_epi32(codes, _mm_set1_epi32(book->offset * all));
    if (mul)
        codes = _mm_mullo_epi32(codes, _mm_cvtepu8_epi32(tern_load32(mul)));
    tern_store128(c, _mm_add_epi32(tern_load128(c), codes));
}

static ALWAYS_INLINE __m128i upper(__m128i x)
{
    return _mm_unpackhi_epi64(x, x);
}

/* One row by one panel. */
static ALWAYS_INLINE void row(const uint8_t *table, const int32_t *sum, const struct tern_codes *w, int32_t *c,
                              int blocks, const int bits)
{
    const int segment = w->mul ? w->group / TERN_BLOCK_STEPS : SEGMENT;
    const uint8_t *line = w->line, *mul = w->mul;
    const __m128i zero = _mm_setzero_si128();
    const struct channels none = {zero, zero};
    memset(c, 0, TERN_PANEL * sizeof *c);
    for (int block = 0; block < blocks; block += segment) {
        const int count = blocks - block < segment ? blocks - block : segment;
        const struct channels p0 = plane(table, line, count, bits);
        const struct channels p1 = bits > 1 ? plane(table, line + TERN_LINE, count, bits) : none;
        const struct channels p2 = bits > 2 ? plane(table, line + 2 * TERN_LINE, count, bits) : none;
        int32_t all = 0;
        for (int i = 0; i < count; i++)
            all += *sum++;
        finish(c, p0.first, p1.first, p2.first, w->book, all, mul);
        finish(c + 4, upper(p0.first), upper(p1.first), upper(p2.first), w->book, all, mul ? mul + 4 : mul);
        finish(c + 8, p0.second, p1.second, p2.second, w->book, all, mul ? mul + 8 : mul);
        finish(c + 12, upper(p0.second), upper(p1.second), upper(p2.second), w->book, all, mul ? mul + 12 : mul);
        mul = mul ? mul + TERN_PANEL : mul;
        table += count * TERN_LUT_BLOCK;
        line += (ptrdiff_t)count * bits * TERN_LINE;
    }
}

#include "simd/x86/gemm_lut_template.h"

void tern_gemm_lut_sse41(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                         const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    gemm_lut(table, ld_table, sum, ld_sum, w, c, ld_c, m, panels, k4);
}
