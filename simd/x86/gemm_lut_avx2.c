/* Multiplies weights of 1 to 3 bits with AVX2, as gemm_lut_avx512bw.c does, but with two pairs of steps per register: a
   line of codes is two of them. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

// clang-format off
enum { SEGMENT = 8 /* blocks */ };
_Static_assert(SEGMENT * TERN_BLOCK_STEPS * 4 * 127 <= INT16_MAX, "a segment's sums fit 16 bits");
// clang-format on

/* The sums of one plane of one segment: low parts of even and odd channels in 16 bits, high parts in 8 (8 blocks x 4
   look-ups x -8 = -256 does not fit: `high` is for half of the pairs, `high2` for the others). */
struct sums {
    __m256i even, odd, high, high2;
};

/* One block of a plane: four look-ups of low parts fit a byte. */
static ALWAYS_INLINE void add_block(struct sums *s, const uint8_t *table, const uint8_t *line)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i front = tern_load256(line), back = tern_load256(line + TERN_LINE / 2);
    const __m256i f0 = _mm256_and_si256(front, nibble), f1 = _mm256_and_si256(_mm256_srli_epi16(front, 4), nibble);
    const __m256i b0 = _mm256_and_si256(back, nibble), b1 = _mm256_and_si256(_mm256_srli_epi16(back, 4), nibble);
    const uint8_t *odd = table + 2 * TERN_LINE, *upper = table + TERN_LINE / 2, *odd_upper = odd + TERN_LINE / 2;
    const __m256i low = _mm256_add_epi8(
        _mm256_add_epi8(_mm256_shuffle_epi8(tern_load256(table), f0), _mm256_shuffle_epi8(tern_load256(odd), f1)),
        _mm256_add_epi8(_mm256_shuffle_epi8(tern_load256(upper), b0),
                        _mm256_shuffle_epi8(tern_load256(odd_upper), b1)));
    s->even = _mm256_add_epi16(s->even, _mm256_and_si256(low, _mm256_set1_epi16(255)));
    s->odd = _mm256_add_epi16(s->odd, _mm256_srli_epi16(low, 8));
    s->high = _mm256_add_epi8(s->high, _mm256_add_epi8(_mm256_shuffle_epi8(tern_load256(table + TERN_LINE), f0),
                                                       _mm256_shuffle_epi8(tern_load256(odd + TERN_LINE), f1)));
    s->high2 = _mm256_add_epi8(s->high2, _mm256_add_epi8(_mm256_shuffle_epi8(tern_load256(upper + TERN_LINE), b0),
                                                         _mm256_shuffle_epi8(tern_load256(odd_upper + TERN_LINE), b1)));
}

/* Low and high parts of 16-bit lanes, both lanes of a register together. */
static ALWAYS_INLINE __m128i total(__m256i low, __m256i high, __m256i high2)
{
    const __m256i all = _mm256_add_epi16(low, _mm256_slli_epi16(_mm256_add_epi16(high, high2), TERN_LUT_LOW_BITS));
    return _mm_add_epi16(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

static ALWAYS_INLINE __m256i signed_even(__m256i bytes)
{
    return _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);
}

/* 16 channels in order, 16 bits. */
static ALWAYS_INLINE __m256i plane(const uint8_t *table, const uint8_t *line, int blocks, const int bits)
{
    const __m256i zero = _mm256_setzero_si256();
    struct sums s = {zero, zero, zero, zero};
    for (int i = 0; i < blocks; i++)
        add_block(&s, table + i * TERN_LUT_BLOCK, line + (ptrdiff_t)i * bits * TERN_LINE);
    const __m128i e = total(s.even, signed_even(s.high), signed_even(s.high2));
    const __m128i o = total(s.odd, _mm256_srai_epi16(s.high, 8), _mm256_srai_epi16(s.high2, 8));
    return _mm256_set_m128i(_mm_unpackhi_epi16(e, o), _mm_unpacklo_epi16(e, o));
}

/* Eight channels of a segment, 32 bits. */
static ALWAYS_INLINE __m256i finish(__m128i p0, __m128i p1, __m128i p2, const struct tern_codebook *book, int32_t all,
                                    const uint8_t *mul)
{
    __m256i codes = _mm256_cvtepi16_epi32(p0);
    codes = _mm256_add_epi32(codes, _mm256_slli_epi32(_mm256_cvtepi16_epi32(p1), 1));
    codes = _mm256_add_epi32(codes, _mm256_slli_epi32(_mm256_cvtepi16_epi32(p2), 2));
    codes = book->step == 2 ? _mm256_add_epi32(codes, codes) : codes;
    codes = _mm256_sub_epi32(codes, _mm256_set1_epi32(book->offset * all));
    if (mul)
        codes = _mm256_mullo_epi32(codes, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)mul)));
    return codes;
}

/* One row by one panel. */
static ALWAYS_INLINE void row(const uint8_t *table, const int32_t *sum, const struct tern_codes *w, int32_t *c,
                              int blocks, const int bits)
{
    const int segment = w->mul ? w->group / TERN_BLOCK_STEPS : SEGMENT;
    const uint8_t *line = w->line, *mul = w->mul;
    const __m256i zero = _mm256_setzero_si256();
    __m256i first = zero, second = zero;
    for (int block = 0; block < blocks; block += segment) {
        const int count = blocks - block < segment ? blocks - block : segment;
        const __m256i p0 = plane(table, line, count, bits);
        const __m256i p1 = bits > 1 ? plane(table, line + TERN_LINE, count, bits) : zero;
        const __m256i p2 = bits > 2 ? plane(table, line + 2 * TERN_LINE, count, bits) : zero;
        int32_t all = 0;
        for (int i = 0; i < count; i++)
            all += *sum++;
        first = _mm256_add_epi32(first, finish(_mm256_castsi256_si128(p0), _mm256_castsi256_si128(p1),
                                               _mm256_castsi256_si128(p2), w->book, all, mul));
        second = _mm256_add_epi32(second, finish(_mm256_extracti128_si256(p0, 1), _mm256_extracti128_si256(p1, 1),
                                                 _mm256_extracti128_si256(p2, 1), w->book, all,
                                                 mul ? mul + TERN_PANEL / 2 : mul));
        mul = mul ? mul + TERN_PANEL : mul;
        table += count * TERN_LUT_BLOCK;
        line += (ptrdiff_t)count * bits * TERN_LINE;
    }
    tern_store256(c, first);
    tern_store256(c + TERN_PANEL / 2, second);
}

#include "simd/x86/gemm_lut_template.h"

void tern_gemm_lut_avx2(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                        const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    gemm_lut(table, ld_table, sum, ld_sum, w, c, ld_c, m, panels, k4);
}
