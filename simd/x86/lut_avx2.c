/* Makes gemm_lut's tables of sums with AVX2, as lut_avx512bw.c does, but with two pairs of steps per register. */
#ifndef __AVX2__
#error "compile with -mavx2"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

#include <string.h>

// clang-format off
/* Sums of choices 0 .. 15 of one step in each lane, whose four activations begin at byte `first` of the lane. */
static ALWAYS_INLINE void two_steps(uint8_t *table, __m256i a, const int first)
{
    /* One activation as 16 bits (its byte in the upper half, then shifted down with its sign) in the choices that have
       it; byte 128 of the index gives 0. */
#define AT(bit, j) ((j) >> (bit) & 1 ? (first + (bit)) << 8 | 0x80 : 0x8080)
#define EIGHT(bit)                                                                                                     \
    _mm256_broadcastsi128_si256(                                                                                       \
        _mm_setr_epi16((short)AT(bit, 0), (short)AT(bit, 1), (short)AT(bit, 2), (short)AT(bit, 3), (short)AT(bit, 4),  \
                       (short)AT(bit, 5), (short)AT(bit, 6), (short)AT(bit, 7)))
    const __m256i part0 = _mm256_srai_epi16(_mm256_shuffle_epi8(a, EIGHT(0)), 8);
    const __m256i part1 = _mm256_srai_epi16(_mm256_shuffle_epi8(a, EIGHT(1)), 8);
    const __m256i part2 = _mm256_srai_epi16(_mm256_shuffle_epi8(a, EIGHT(2)), 8);
    const __m256i fourth = _mm256_set1_epi16((short)((first + 3) << 8 | 0x80));
    const __m256i part3 = _mm256_srai_epi16(_mm256_shuffle_epi8(a, fourth), 8);
    const __m256i below = _mm256_add_epi16(_mm256_add_epi16(part0, part1), part2);
    const __m256i above = _mm256_add_epi16(below, part3);
    const __m256i mask = _mm256_set1_epi16((1 << TERN_LUT_LOW_BITS) - 1);
    tern_store256(table, _mm256_packus_epi16(_mm256_and_si256(below, mask), _mm256_and_si256(above, mask)));
    tern_store256(table + TERN_LINE, _mm256_packs_epi16(_mm256_srai_epi16(below, TERN_LUT_LOW_BITS),
                                                        _mm256_srai_epi16(above, TERN_LUT_LOW_BITS)));
}
// clang-format on

void tern_lut_avx2(const int8_t *a, uint8_t *table, int32_t *sum, int k4)
{
    for (int step = 0; step < k4; step += TERN_BLOCK_STEPS, table += TERN_LUT_BLOCK) {
        int8_t block[TERN_BLOCK_K] = {0};
        const int steps = k4 - step < TERN_BLOCK_STEPS ? k4 - step : TERN_BLOCK_STEPS;
        memcpy(block, a + (ptrdiff_t)step * TERN_PANEL_K, (size_t)steps * TERN_PANEL_K);
        const __m256i all = tern_load256(block);
        /* Lane p has steps 2 p and 2 p + 1. */
        const __m256i front = _mm256_permute4x64_epi64(all, 0x50), back = _mm256_permute4x64_epi64(all, 0xFA);
        two_steps(table, front, 0);
        two_steps(table + TERN_LINE / 2, back, 0);
        two_steps(table + 2 * TERN_LINE, front, TERN_PANEL_K);
        two_steps(table + 2 * TERN_LINE + TERN_LINE / 2, back, TERN_PANEL_K);
        /* psadbw sums unsigned bytes: 128 is added to each of 32. */
        const __m256i eights = _mm256_sad_epu8(_mm256_xor_si256(all, _mm256_set1_epi8(-128)), _mm256_setzero_si256());
        *sum++ = (int32_t)tern_sum_i64_256(eights) - 128 * TERN_BLOCK_K;
    }
}
