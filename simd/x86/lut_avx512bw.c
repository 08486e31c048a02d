/* Makes gemm_lut's tables of sums with AVX-512BW. A 128-bit lane takes a pair of steps: each activation goes, as 16
   bits, to the choices that have its bit, eight choices of four pairs in one register. */
#ifndef __AVX512BW__
#error "compile with -mavx512bw"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

#include <string.h>

// clang-format off
/* Sums of choices 0 .. 7 for the even steps or the odd ones of a block; 8 .. 15 are those plus the fourth activation.
   Lane p of `a` holds steps 2 p and 2 p + 1 in its first eight bytes. */
static ALWAYS_INLINE void half_block(uint8_t *table, __m512i a, const int first)
{
    /* One activation as 16 bits (its byte in the upper half, then shifted down with its sign) in the choices that have
       it; byte 128 of the index gives 0. */
#define AT(bit, j) ((j) >> (bit) & 1 ? (first + (bit)) << 8 | 0x80 : 0x8080)
#define EIGHT(bit)                                                                                                     \
    _mm512_broadcast_i32x4(_mm_setr_epi16((short)AT(bit, 0), (short)AT(bit, 1), (short)AT(bit, 2), (short)AT(bit, 3),  \
                                          (short)AT(bit, 4), (short)AT(bit, 5), (short)AT(bit, 6), (short)AT(bit, 7)))
    const __m512i part0 = _mm512_srai_epi16(_mm512_shuffle_epi8(a, EIGHT(0)), 8);
    const __m512i part1 = _mm512_srai_epi16(_mm512_shuffle_epi8(a, EIGHT(1)), 8);
    const __m512i part2 = _mm512_srai_epi16(_mm512_shuffle_epi8(a, EIGHT(2)), 8);
    const __m512i fourth = _mm512_set1_epi16((short)((first + 3) << 8 | 0x80));
    const __m512i part3 = _mm512_srai_epi16(_mm512_shuffle_epi8(a, fourth), 8);
    const __m512i below = _mm512_add_epi16(_mm512_add_epi16(part0, part1), part2);
    const __m512i above = _mm512_add_epi16(below, part3);
    const __m512i mask = _mm512_set1_epi16((1 << TERN_LUT_LOW_BITS) - 1);
    /* packs works within lanes: 8 choices and 8 choices of the same pair. */
    _mm512_storeu_si512(table, _mm512_packus_epi16(_mm512_and_si512(below, mask), _mm512_and_si512(above, mask)));
    _mm512_storeu_si512(table + TERN_LINE, _mm512_packs_epi16(_mm512_srai_epi16(below, TERN_LUT_LOW_BITS),
                                                              _mm512_srai_epi16(above, TERN_LUT_LOW_BITS)));
}
// clang-format on

void tern_lut_avx512bw(const int8_t *a, uint8_t *table, int32_t *sum, int k4)
{
    const __m512i ones = _mm512_set1_epi16(1);
    for (int step = 0; step < k4; step += TERN_BLOCK_STEPS, table += TERN_LUT_BLOCK) {
        const int bytes = (k4 - step) * TERN_PANEL_K;
        const __mmask32 have = tern_mask32(bytes);
        const __m256i block = _mm256_maskz_loadu_epi8(have, a + (ptrdiff_t)step * TERN_PANEL_K);
        const __m512i pairs =
            _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3), _mm512_castsi256_si512(block));
        half_block(table, pairs, 0);
        half_block(table + 2 * TERN_LINE, pairs, TERN_PANEL_K);
        *sum++ = _mm512_reduce_add_epi32(_mm512_madd_epi16(_mm512_cvtepi8_epi16(block), ones));
    }
}
