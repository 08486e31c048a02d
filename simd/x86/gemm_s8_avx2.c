/* Multiplies int8 matrices with AVX2. One row: with flipped signs, as gemm_s8_flip_template.h says, 32 products in four
   instructions. Widening both to 16 bits for pmaddwd takes as many and was 12 % slower at many rows, 40 % at one;
   psignb instead of the flip wants a multiplier port too (Zen 5). More rows: as gemm_bounded_template.h says, two k
   steps at a time: 64 products in five instructions, and what is left out. Half a panel (8 channels x 4 inputs) is a
   register, for all rows of the tile. */
#include "simd/x86/bounded_256.h"

#define GEMM_BOUND 127
#define DEEP_STEPS 2
#include "simd/x86/deep_template.h"

#define WEIGHTS_STAY 1
#define DEEP_ROWS 4 /* 8 sums, two k steps of a panel and four products are the 16 registers */
// clang-format off
#define EACH_DEEP(do) do(1) do(2) do(3) do(4)
// clang-format on

/* In place by assembly, as gcc 12 would copy the sum at every step. The ones come from memory: no register is left. */
static ALWAYS_INLINE void add_widened(vi *sum, vi words)
{
    static const _Alignas(VI_BYTES) int16_t ones[VI_S16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    __asm__ volatile("vpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0" : "+x"(*sum), "+x"(words) : "m"(ones));
}

#include "simd/x86/deep_tile_template.h"
#include "simd/x86/gemm_bounded_template.h"

void tern_gemm_s8_avx2(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4, struct tern_ahead ahead)
{
    (void)ahead;
    gemm_s8_bounded(a, ld_a, b, c, ld_c, m, panels, k4);
}
