/* Multiplies int8 matrices with AVX-512BW, without VNNI, as gemm_s8_avx2.c does; a k step of a panel is a register.

   With flipped signs (gemm_s8_flip_template.h), a tile has two panels. With the weights' magnitudes and a masked
   negation of the activations (product_512_signs.h) each register of weights takes two instructions more, which made
   this 5 to 10 % slower than AVX2's flipped signs, 35 % at one row; so it is 12 to 17 % faster than these (Zen 4, `tern
   bench --roofline` and weights in L2). One panel and 12 rows: 6 %. */
#include "simd/x86/bounded_512.h"

#define GEMM_BOUND 127
#define DEEP_STEPS 2
#include "simd/x86/deep_template.h"
#include "simd/x86/deep_tile_template.h"
#include "simd/x86/gemm_bounded_template.h"

void tern_gemm_s8_avx512bw(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                           int panels, int k4, struct tern_ahead ahead)
{
    (void)ahead;
    gemm_s8_bounded(a, ld_a, b, c, ld_c, m, panels, k4);
}
