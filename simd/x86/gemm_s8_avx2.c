/* Multiplies int8 matrices with AVX2, as gemm_s8_flip_template.h says: 32 products in four instructions. Widening both
   to 16 bits for pmaddwd takes as many and was 12 % slower at many rows, 40 % at one; psignb instead of the flip wants
   a multiplier port too (Zen 5). Half a panel (8 channels x 4 inputs) is a register, for all rows of the tile. */
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

static ALWAYS_INLINE vi vi_four(const void *bytes)
{
    return tern_four256(bytes);
}

#include "simd/x86/gemm_s8_flip_template.h"

void tern_gemm_s8_avx2(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                       int k4, struct tern_ahead ahead)
{
    (void)ahead;
    gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4);
}
