/* Brings attention's sums of values to int16 with AVX2, 16 columns at a time, as requant does. The last, incomplete
   group is done again from column n - 16 on. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

static ALWAYS_INLINE __m256i sum8(const int32_t *high, const int32_t *low, const struct tern_scale256 *s)
{
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(tern_load256(high), TERN_P_LOW_BITS), tern_load256(low));
    return tern_rshift256(sum, s->shift);
}

static ALWAYS_INLINE void context16(const int32_t *high, const int32_t *low, int16_t *out,
                                    const struct tern_scale256 *s)
{
    __m256i x = _mm256_packs_epi32(sum8(high, low, s), sum8(high + 8, low + 8, s));
    tern_store256(out, _mm256_mulhrs_epi16(tern_straight256(x), s->mul));
}

void tern_context_avx2(const int32_t *high, const int32_t *low, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                       const struct tern_row_scale *row, int m, int n)
{
    if (n < 16) {
        tern_context_ref(high, low, ld_acc, out, ld_out, row, m, n);
        return;
    }
    for (int i = 0; i < m; i++, high += ld_acc, low += ld_acc, out += ld_out) {
        const struct tern_scale256 s = tern_scale256_of(&row[i]);
        int j = 0;
        for (; j + 16 <= n; j += 16)
            context16(high + j, low + j, out + j, &s);
        if (j < n)
            context16(high + n - 16, low + n - 16, out + n - 16, &s);
    }
}
