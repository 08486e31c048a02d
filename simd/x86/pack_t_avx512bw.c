/* Turns quantised tokens into rows with AVX-512BW, 16 tokens x 32 columns at a time: as in pack_v a column's bytes of
   four tokens come together in 32 bits, of which 4 x 4 in each quarter of a register are turned. Sums are added up
   before, a column to a lane. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/pack_512.h"

/* 258 tokens of 127 fit a lane of 16 bits. */
enum { STEP = 16, COLUMNS = 32, AT_ONCE = 256 };

/* Bytes of tokens i and i + 1, in turn, which are added to *sum. */
static ALWAYS_INLINE __m512i pair(const struct tern_tokens512 *s, int i, __m512i *sum)
{
    const __m512i a = tern_token512(s, i), b = tern_token512(s, i + 1);
    *sum = _mm512_add_epi16(*sum, _mm512_add_epi16(a, b));
    return _mm512_mask_blend_epi8(0xAAAAAAAAAAAAAAAA, a, _mm512_slli_epi16(b, 8));
}

/* Columns 8 L .. 8 L + 3 of q, L = 0 .. 3, four tokens each, to rows of 16 tokens: of r[k] columns 8 L + k. */
static ALWAYS_INLINE void turn(const __m512i *q, __m512i *r)
{
    const __m512i a = _mm512_unpacklo_epi32(q[0], q[1]), b = _mm512_unpackhi_epi32(q[0], q[1]);
    const __m512i c = _mm512_unpacklo_epi32(q[2], q[3]), d = _mm512_unpackhi_epi32(q[2], q[3]);
    r[0] = _mm512_unpacklo_epi64(a, c), r[1] = _mm512_unpackhi_epi64(a, c);
    r[2] = _mm512_unpacklo_epi64(b, d), r[3] = _mm512_unpackhi_epi64(b, d);
}

/* The first bytes of row j, if it is one of `rows`. */
static ALWAYS_INLINE void store_row(int8_t *b, ptrdiff_t ld_b, __m128i row, int j, int rows, __mmask16 bytes)
{
    if (j < rows)
        _mm_mask_storeu_epi8(b + j * ld_b, bytes, row);
}

static ALWAYS_INLINE __m512i turn16(const struct tern_tokens512 *s, int8_t *b, ptrdiff_t ld_b, int columns, __m512i sum)
{
    __m512i low[4], high[4], r[8];
    TERN_UNROLL
    for (int q = 0; q < 4; q++) {
        const __m512i p01 = pair(s, 4 * q, &sum), p23 = pair(s, 4 * q + 2, &sum);
        low[q] = _mm512_unpacklo_epi16(p01, p23);
        high[q] = _mm512_unpackhi_epi16(p01, p23);
    }
    turn(low, r);
    turn(high, r + 4);
    const __mmask16 bytes = tern_mask16(tern_round_up(s->rows, TERN_PANEL_K));
    TERN_UNROLL
    for (int k = 0; k < 8; k++) {
        store_row(b, ld_b, _mm512_castsi512_si128(r[k]), k, columns, bytes);
        store_row(b, ld_b, _mm512_extracti32x4_epi32(r[k], 1), 8 + k, columns, bytes);
        store_row(b, ld_b, _mm512_extracti32x4_epi32(r[k], 2), 16 + k, columns, bytes);
        store_row(b, ld_b, _mm512_extracti32x4_epi32(r[k], 3), 24 + k, columns, bytes);
    }
    return sum;
}

void tern_pack_t_avx512bw(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, ptrdiff_t ld_b,
                          int32_t *sum, int m, int n)
{
    const struct tern_s8_512 s8 = tern_s8_512_of(scale);
    for (int j = 0; j < n; j += COLUMNS)
        for (int first = 0; first < m; first += AT_ONCE) {
            __m512i all = _mm512_setzero_si512();
            for (int i = first; i < m && i < first + AT_ONCE; i += STEP) {
                const struct tern_tokens512 s = {x + i * ld_x + j, ld_x, m - i, tern_mask32(n - j), s8};
                all = turn16(&s, b + j * ld_b + i, ld_b, n - j, all);
            }
            int16_t columns[COLUMNS];
            _mm512_storeu_si512(columns, all);
            for (int k = 0; k < COLUMNS && j + k < n; k++)
                sum[j + k] += columns[k];
        }
}
