/* Parameters of gemm_s8_flip_template.h and deep_template.h for AVX2. Included by gemm_s8_avx2.c, gemm_s7_avx2.c and
   gemm_s6_avx2.c. */
#ifndef TERN_X86_BOUNDED_256_H
#define TERN_X86_BOUNDED_256_H

#include "simd/x86/int_256.h"

#define PANELS 1
// clang-format off
#define EACH_TILE(do) do(1) do(2) do(3) do(4) do(5)
// clang-format on
enum {
    TILE_ROWS = 5,   /* 10 sums and what a product needs are the 16 registers */
    K_BLOCK = 256,   /* k steps; the split activations take 10 KiB */
    PANEL_BLOCK = 8, /* with K_BLOCK 128 KiB of weights, which stay in L2 while all rows pass */
};
#include "simd/x86/gemm_s8_flip_template.h"

#define ROW_BLOCK 36   /* rows that are laid out together */
#define DEEP_BLOCK 128 /* k steps: 18 KiB of activations, 8 KiB of weights */

#endif
