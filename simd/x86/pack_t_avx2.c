/* Turns quantised tokens into rows with AVX2, 16 tokens x 16 columns at a time: as in pack_v a column's bytes of four
   tokens come together in 32 bits, of which 4 x 4 in each half of a register are turned. Sums are added up before, a
   column to a lane. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/pack_256.h"

/* 258 tokens of 127 fit a lane of 16 bits. */
enum { STEP = 16, AT_ONCE = 256 };

/* Bytes of tokens i and i + 1, in turn, which are added to *sum. */
static ALWAYS_INLINE __m256i pair(const struct tern_tokens256 *s, int i, __m256i *sum)
{
    const __m256i a = tern_token256(s, i), b = tern_token256(s, i + 1);
    *sum = _mm256_add_epi16(*sum, _mm256_add_epi16(a, b));
    return _mm256_or_si256(_mm256_and_si256(a, _mm256_set1_epi16(255)), _mm256_slli_epi16(b, 8));
}

/* Columns 0 .. 3 and 8 .. 11 of q, four tokens each, to rows of 16 tokens: of r[k] column k and 8 + k. */
static ALWAYS_INLINE void turn(const __m256i *q, __m256i *r)
{
    const __m256i a = _mm256_unpacklo_epi32(q[0], q[1]), b = _mm256_unpackhi_epi32(q[0], q[1]);
    const __m256i c = _mm256_unpacklo_epi32(q[2], q[3]), d = _mm256_unpackhi_epi32(q[2], q[3]);
    r[0] = _mm256_unpacklo_epi64(a, c), r[1] = _mm256_unpackhi_epi64(a, c);
    r[2] = _mm256_unpacklo_epi64(b, d), r[3] = _mm256_unpackhi_epi64(b, d);
}

/* The first `bytes` of row j, if it is one of `rows`. */
static ALWAYS_INLINE void store_row(int8_t *b, ptrdiff_t ld_b, __m128i row, int j, int rows, int bytes)
{
    if (j >= rows)
        return;
    if (bytes >= STEP) {
        _mm_storeu_si128((__m128i *)(void *)(b + j * ld_b), row);
        return;
    }
    int8_t part[STEP];
    _mm_storeu_si128((__m128i *)(void *)part, row);
    memcpy(b + j * ld_b, part, (size_t)bytes);
}

static ALWAYS_INLINE __m256i turn16(const struct tern_tokens256 *s, int8_t *b, ptrdiff_t ld_b, __m256i sum)
{
    __m256i low[4], high[4], r[8];
    TERN_UNROLL
    for (int q = 0; q < 4; q++) {
        const __m256i p01 = pair(s, 4 * q, &sum), p23 = pair(s, 4 * q + 2, &sum);
        low[q] = _mm256_unpacklo_epi16(p01, p23);
        high[q] = _mm256_unpackhi_epi16(p01, p23);
    }
    turn(low, r);
    turn(high, r + 4);
    const int bytes = tern_round_up(s->rows, TERN_PANEL_K);
    TERN_UNROLL
    for (int k = 0; k < 8; k++) {
        store_row(b, ld_b, _mm256_castsi256_si128(r[k]), k, s->columns, bytes);
        store_row(b, ld_b, _mm256_extracti128_si256(r[k], 1), 8 + k, s->columns, bytes);
    }
    return sum;
}

void tern_pack_t_avx2(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, ptrdiff_t ld_b,
                      int32_t *sum, int m, int n)
{
    const struct tern_s8_256 s8 = tern_s8_256_of(scale);
    for (int j = 0; j < n; j += STEP)
        for (int first = 0; first < m; first += AT_ONCE) {
            __m256i all = _mm256_setzero_si256();
            for (int i = first; i < m && i < first + AT_ONCE; i += STEP) {
                const struct tern_tokens256 s = {x + i * ld_x + j, ld_x, m - i, n - j, s8};
                all = turn16(&s, b + j * ld_b + i, ld_b, all);
            }
            int16_t columns[STEP];
            tern_store256(columns, all);
            for (int k = 0; k < STEP && j + k < n; k++)
                sum[j + k] += columns[k];
        }
}
