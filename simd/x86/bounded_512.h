/* Parameters of deep_template.h, gemm_s8_flip_template.h and deep_tile_template.h for AVX-512BW. Included by
   gemm_s8_avx512bw.c, gemm_s7_avx512bw.c and gemm_s6_avx512bw.c. */
#ifndef TERN_X86_BOUNDED_512_H
#define TERN_X86_BOUNDED_512_H

#include "simd/x86/int_512.h"

#define PANELS 2
// clang-format off
#define EACH_TILE(do) do(1) do(2) do(3) do(4) do(5) do(6)
// clang-format on
enum {
    TILE_ROWS = 6,   /* 12 sums hide what latency there is */
    K_BLOCK = 256,   /* k steps; the split activations take 12 KiB */
    PANEL_BLOCK = 8, /* with K_BLOCK 128 KiB of weights, which stay in L2 while all rows pass */
};
#include "simd/x86/gemm_s8_flip_template.h"

#define ROW_BLOCK 36   /* rows that are laid out together */
#define DEEP_BLOCK 128 /* k steps: 18 KiB of activations, 8 KiB of weights */
#define WEIGHTS_STAY 1 /* in registers, for all rows of a tile */
#define DEEP_ROWS 12   /* 12 sums, and the weights of up to 8 k steps */
// clang-format off
#define EACH_DEEP(do) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12)
// clang-format on

static ALWAYS_INLINE void add_widened(vi *sum, vi words)
{
    *sum = VI(add_epi32)(*sum, VI(madd_epi16)(words, VI(set1_epi16)(1)));
    TERN_PIN(*sum);
}

#endif
