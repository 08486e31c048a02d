/* Multiplies int8 by weights of at most 31 with AVX-512BW, without VNNI: as gemm_bounded_template.h says, with sums of
   16 bits over eight k steps. */
#include "simd/x86/bounded_512.h"

#define GEMM_BOUND 31
#define DEEP_STEPS 8
#include "simd/x86/deep_template.h"
#include "simd/x86/deep_tile_template.h"
#include "simd/x86/gemm_bounded_template.h"

void tern_gemm_s6_avx512bw(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                           int panels, int k4, struct tern_ahead ahead)
{
    (void)ahead;
    gemm_bounded(a, ld_a, b, c, ld_c, m, panels, k4);
}
