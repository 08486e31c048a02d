/* Template: one int8 vector against many; gives dot_rows(). Included by dot_s8_avxvnni.c and
   dot_signs_template.h, after a header of vectors.

   Parameters: dot_add(sum, row, q), which adds products of bytes to sums of 32 bits, and dot_start(q, k), what each
   row's sum starts at; the k is a multiple of VI_BYTES.

   Four rows share the loads of q, and their sums are taken across lanes together. What is left of a row's columns is
   added one by one; of the last one to three rows the last stands in for those that are not there. */
#ifndef TERN_X86_DOT_TEMPLATE_H
#define TERN_X86_DOT_TEMPLATE_H

static ALWAYS_INLINE __m128i dot_four(const int8_t *q, const int8_t *const *row, int whole)
{
    const vi zero = vi_zero();
    vi s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    for (int j = 0; j < whole; j += VI_BYTES) {
        const vi x = vi_load(q + j);
        s0 = dot_add(s0, vi_load(row[0] + j), x);
        s1 = dot_add(s1, vi_load(row[1] + j), x);
        s2 = dot_add(s2, vi_load(row[2] + j), x);
        s3 = dot_add(s3, vi_load(row[3] + j), x);
    }
    return vi_fold(VI(hadd_epi32)(VI(hadd_epi32)(s0, s1), VI(hadd_epi32)(s2, s3)));
}

static ALWAYS_INLINE void dot_rows(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    const int whole = k / VI_BYTES * VI_BYTES;
    const int32_t start = dot_start(q, whole);
    for (int i = 0; i < n; i += 4, x += 4 * ld_x) {
        const int last = n - 1 - i;
        const int8_t *const row[4] = {x, x + (last < 1 ? last : 1) * ld_x, x + (last < 2 ? last : 2) * ld_x,
                                      x + (last < 3 ? last : 3) * ld_x};
        int32_t sums[4];
        _mm_storeu_si128((__m128i *)sums, _mm_add_epi32(dot_four(q, row, whole), _mm_set1_epi32(start)));
        for (int r = 0; r < 4 && r <= last; r++) {
            int32_t sum = sums[r];
            for (int j = whole; j < k; j++)
                sum += q[j] * row[r][j];
            out[i + r] = sum;
        }
    }
}

#endif
