/* Multiplies int8 matrices with AVX-512 VNNI's vpdpbusd (product_512_vnni.h). Flipping the weights' top bits costs 1
   instruction in 13; flipping a pair of panels once into a buffer in L1, for all rows to read, costs more than it saves
   (both measured on a Xeon with two 512-bit ports). */
#ifndef __AVX512VNNI__
#error "compile with -mavx512vnni"
#endif
#include "simd/table.h"
#include "simd/x86/product_512_vnni.h"

#include "simd/x86/gemm_s8_512_template.h"

void tern_gemm_s8_avx512vnni(const int8_t *a, ptrdiff_t ld_a, const int8_t *b, int32_t *c, ptrdiff_t ld_c, int m,
                             int panels, int k4, struct tern_ahead ahead)
{
    gemm_s8(a, ld_a, b, c, ld_c, m, panels, k4, ahead);
}
