/* Adds sums to a stream that loses bits first, with AVX2, 8 at a time. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

void tern_accumulate_avx2(int32_t *s, const int32_t *sum, int down, int n)
{
    const struct tern_rshift256 shift = tern_rshift256_of(down);
    int j = 0;
    for (; j + 8 <= n; j += 8)
        tern_store256(s + j, _mm256_add_epi32(tern_rshift256(tern_load256(s + j), shift), tern_load256(sum + j)));
    for (; j < n; j++)
        s[j] = tern_add32(tern_rshift(s[j], down), sum[j]);
}
