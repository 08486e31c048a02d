/* Multiplies int8 matrices with SSE4.1's pmaddubsw, exactly for weights of -127 to 127, as gemm_s8_avx2.c does: one row
   as flip_128.h says, more as gemm_bounded_template.h says, sixteen products in 3.9 instructions, where flipped signs
   take 6.5. */
#include "simd/x86/bounded_128.h"

#define GEMM_BOUND 127
#define DEEP_STEPS 2
#include "simd/x86/deep_template.h"
#include "simd/x86/deep_tile_template.h"
#include "simd/x86/gemm_bounded_template.h"

void tern_gemm_s8_sse41(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m, int panels,
                        int k4, struct tern_ahead ahead)
{
    (void)ahead;
    gemm_s8_bounded(a, ld_a, b, c, ld_c, m, panels, k4);
}
