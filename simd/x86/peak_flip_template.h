/* Template: the int8 products a register of bytes at a time by pxor, pmaddubsw, pmaddwd and an addition, what the exact
   kernels without VNNI are made of (gemm_s8_flip_template.h, gemm_s8_sse41.c). Both factors are hidden from the
   compiler at each product: it would compute flipped weights once, or all of the product. The sums are of negated
   products, so that one register of ones does for the flip and for pmaddwd. Gives peak().

   Included by peak_sse41.c, peak_avx2.c and peak_avx512bw.c, after their header of vectors. */
#ifndef TERN_X86_PEAK_FLIP_TEMPLATE_H
#define TERN_X86_PEAK_FLIP_TEMPLATE_H

#include "simd/peak.h"

// clang-format off
/* Twelve sums and what a product needs are more than 16 registers; a subtraction's latency is 1. */
#define SUMS(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
enum { N_SUMS = 8 };
// clang-format on

#define START(i) vi s##i = vi_zero();
#define MULTIPLY(i)                                                                                                    \
    {                                                                                                                  \
        TERN_PIN_PAIR(w, x);                                                                                           \
        s##i = VI(sub_epi32)(s##i, VI(madd_epi16)(VI(maddubs_epi16)(x, vi_xor(w, ones)), ones));                       \
        TERN_PIN(s##i);                                                                                                \
    }

static ALWAYS_INLINE uint64_t peak(uint64_t n)
{
    vi w = VI(set1_epi8)(3), x = VI(set1_epi8)(5);
    vi ones = VI(set1_epi8)(-1);
    TERN_PIN(ones); /* a flip by known ones is another instruction */
    SUMS(START)
    for (uint64_t k = 0; k < n; k++) {
        SUMS(MULTIPLY)
    }
    return n * N_SUMS * VI_BYTES;
}

#endif
