/* Parameters of deep_template.h and deep_tile_template.h for SSE4.1. Included by gemm_s8_sse41.c, gemm_s7_sse41.c and
   gemm_s6_sse41.c. */
#ifndef TERN_X86_BOUNDED_128_H
#define TERN_X86_BOUNDED_128_H

#include "simd/x86/flip_128.h"

#define ROW_BLOCK 16       /* rows that are laid out together */
#define DEEP_BLOCK K_BLOCK /* k steps: 7 KiB of activations, 6 KiB of weights, of 24 KiB of L1 */
#define WEIGHTS_STAY 0     /* each product overwrites its copy of them, which a load makes as well */
#define DEEP_ROWS 2        /* 8 sums, 4 of 16 bits, and what a product needs */
// clang-format off
#define EACH_DEEP(do) do(1) do(2)
// clang-format on

static ALWAYS_INLINE void add_widened(vi *sum, vi words)
{
    static const _Alignas(VI_BYTES) int16_t ones[VI_S16] = {1, 1, 1, 1, 1, 1, 1, 1};
    __asm__ volatile("pmaddwd %2, %1\n\tpaddd %1, %0" : "+x"(*sum), "+x"(words) : "m"(ones));
}

#endif
