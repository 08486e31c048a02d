/* Template: counts differing bits: pshufb looks up the bits of each nibble (W. Mula), psadbw adds the counts of eight
   bytes. Four rows share the loads of q, and their sums are taken across lanes together. Gives vi_hamming().

   Included by hamming_avx2.c and hamming_sse41.c, after their header of vectors. */
#ifndef TERN_X86_HAMMING_TEMPLATE_H
#define TERN_X86_HAMMING_TEMPLATE_H

/* Sums of the bits in which VI_BYTES bytes differ, one for every eight. */
static ALWAYS_INLINE vi count(vi sum, vi q, vi x)
{
    const vi bits = vi_table(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const vi low = VI(set1_epi8)(15), d = vi_xor(q, x);
    const vi a = VI(shuffle_epi8)(bits, vi_and(d, low));
    const vi b = VI(shuffle_epi8)(bits, vi_and(VI(srli_epi16)(d, 4), low));
    return VI(add_epi64)(sum, VI(sad_epu8)(VI(add_epi8)(a, b), vi_zero()));
}

/* The rest of a row, of less than 16 bytes: bits by halves, words by words. */
static ALWAYS_INLINE int32_t count_rest(const uint8_t *q, const uint8_t *x, int n)
{
    int32_t sum = 0;
    for (; n > 0; n -= 8, q += 8, x += 8) {
        uint64_t a = 0, b = 0;
        memcpy(&a, q, n < 8 ? (size_t)n : 8);
        memcpy(&b, x, n < 8 ? (size_t)n : 8);
        uint64_t d = a ^ b;
        d = d - (d >> 1 & 0x5555555555555555u);
        d = (d & 0x3333333333333333u) + (d >> 2 & 0x3333333333333333u);
        d = (d + (d >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
        sum += (int32_t)(d * 0x0101010101010101u >> 56);
    }
    return sum;
}

/* Low halves of four vectors of 64-bit sums: row r in lane r. */
static ALWAYS_INLINE __m128i total(vi s0, vi s1, vi s2, vi s3)
{
    const vi a = vi_or(s0, VI(slli_epi64)(s1, 32)), b = vi_or(s2, VI(slli_epi64)(s3, 32));
    const vi rows = VI(add_epi32)(VI(unpacklo_epi64)(a, b), VI(unpackhi_epi64)(a, b));
    return vi_fold(rows);
}

static ALWAYS_INLINE void vi_hamming(const uint8_t *q, const uint8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    const int whole = k / VI_BYTES * VI_BYTES, k16 = k / 16 * 16;
    for (int i = 0; i < n; i += 4, x += 4 * ld_x) {
        const int last = n - 1 - i;
        const uint8_t *const row[4] = {x, x + (last < 1 ? last : 1) * ld_x, x + (last < 2 ? last : 2) * ld_x,
                                       x + (last < 3 ? last : 3) * ld_x};
        vi s0 = vi_zero(), s1 = s0, s2 = s0, s3 = s0;
        for (int j = 0; j < whole; j += VI_BYTES) {
            const vi bits = vi_load(q + j);
            s0 = count(s0, bits, vi_load(row[0] + j));
            s1 = count(s1, bits, vi_load(row[1] + j));
            s2 = count(s2, bits, vi_load(row[2] + j));
            s3 = count(s3, bits, vi_load(row[3] + j));
        }
        if (k16 > whole) {
            const vi bits = vi_load16(q + whole);
            s0 = count(s0, bits, vi_load16(row[0] + whole));
            s1 = count(s1, bits, vi_load16(row[1] + whole));
            s2 = count(s2, bits, vi_load16(row[2] + whole));
            s3 = count(s3, bits, vi_load16(row[3] + whole));
        }
        int32_t sums[4];
        _mm_storeu_si128((__m128i *)sums, total(s0, s1, s2, s3));
        for (int r = 0; r < 4 && r <= last; r++)
            out[i + r] = sums[r] + count_rest(q + k16, row[r] + k16, k - k16);
    }
}

#endif
