/* Multiplies int8 matrices with AVX-512BW, without VNNI, as gemm_s8_flip_template.h says: a k step of a panel is a
   register, and a tile has two panels. With the weights' magnitudes and a masked negation of the activations
   (product_512_signs.h) each register of weights takes two instructions more, which made this 5 to 10 % slower than
   AVX2, 35 % at one row; so it is 12 to 17 % faster than AVX2 (Zen 4, `tern bench --roofline` and
   weights in L2). One panel and 12 rows: 6 %. */
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

static ALWAYS_INLINE vi vi_four(const void *bytes)
{
    return tern_four512(bytes);
}

#include "simd/x86/gemm_s8_flip_template.h"

void tern_gemm_s8_avx512bw(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                           int panels, int k4, struct tern_ahead ahead)
{
    (void)ahead;
    gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4);
}
