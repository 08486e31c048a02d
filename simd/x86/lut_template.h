/* Template: makes gemm_lut's tables of sums, as lut_avx512bw.c does, but with VI_BYTES / 16 pairs of steps per
   register. Gives vi_lut().

   Included by lut_avx2.c and lut_sse41.c, after their header of vectors. */
#ifndef TERN_X86_LUT_TEMPLATE_H
#define TERN_X86_LUT_TEMPLATE_H

#include <string.h>

// clang-format off
/* Sums of choices 0 .. 15 of one step in each lane, whose four activations begin at byte `first` of the lane. */
static ALWAYS_INLINE void steps_of_pairs(uint8_t *table, vi a, const int first)
{
    /* One activation as 16 bits (its byte in the upper half, then shifted down with its sign) in the choices that have
       it; byte 128 of the index gives 0. */
#define AT(bit, j) ((j) >> (bit) & 1 ? (first + (bit)) << 8 | 0x80 : 0x8080)
#define EIGHT(bit)                                                                                                     \
    vi_table(                                                                                       \
        _mm_setr_epi16((short)AT(bit, 0), (short)AT(bit, 1), (short)AT(bit, 2), (short)AT(bit, 3), (short)AT(bit, 4),  \
                       (short)AT(bit, 5), (short)AT(bit, 6), (short)AT(bit, 7)))
    const vi part0 = VI(srai_epi16)(VI(shuffle_epi8)(a, EIGHT(0)), 8);
    const vi part1 = VI(srai_epi16)(VI(shuffle_epi8)(a, EIGHT(1)), 8);
    const vi part2 = VI(srai_epi16)(VI(shuffle_epi8)(a, EIGHT(2)), 8);
    const vi fourth = VI(set1_epi16)((short)((first + 3) << 8 | 0x80));
    const vi part3 = VI(srai_epi16)(VI(shuffle_epi8)(a, fourth), 8);
    const vi below = VI(add_epi16)(VI(add_epi16)(part0, part1), part2);
    const vi above = VI(add_epi16)(below, part3);
    const vi mask = VI(set1_epi16)((1 << TERN_LUT_LOW_BITS) - 1);
    vi_store(table, VI(packus_epi16)(vi_and(below, mask), vi_and(above, mask)));
    vi_store(table + TERN_LINE, VI(packs_epi16)(VI(srai_epi16)(below, TERN_LUT_LOW_BITS),
                                                        VI(srai_epi16)(above, TERN_LUT_LOW_BITS)));
}
// clang-format on

static ALWAYS_INLINE void vi_lut(const int8_t *a, uint8_t *table, int32_t *sum, int k4)
{
    for (int step = 0; step < k4; step += TERN_BLOCK_STEPS, table += TERN_LUT_BLOCK) {
        int8_t block[TERN_BLOCK_K] = {0};
        const int steps = k4 - step < TERN_BLOCK_STEPS ? k4 - step : TERN_BLOCK_STEPS;
        memcpy(block, a + (ptrdiff_t)step * TERN_PANEL_K, (size_t)steps * TERN_PANEL_K);
        vi eights = vi_zero();
        TERN_UNROLL
        for (int i = 0; i < TERN_LINE; i += VI_BYTES) {
            const vi x = vi_load_twice(block + i / 2); /* lane p has steps 2 p and 2 p + 1 */
            steps_of_pairs(table + i, x, 0);
            steps_of_pairs(table + 2 * TERN_LINE + i, x, TERN_PANEL_K);
        }
        /* psadbw sums unsigned bytes: 128 is added to each of 32. */
        TERN_UNROLL
        for (int i = 0; i < TERN_BLOCK_K; i += VI_BYTES) {
            const vi x = vi_xor(vi_load(block + i), VI(set1_epi8)(-128));
            eights = VI(add_epi64)(eights, VI(sad_epu8)(x, vi_zero()));
        }
        *sum++ = (int32_t)vi_sum_s64(eights) - 128 * TERN_BLOCK_K;
    }
}

#endif
