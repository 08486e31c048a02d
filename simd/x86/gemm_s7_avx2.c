/* Multiplies int8 by weights of at most 63 with AVX2's pmaddubsw: as gemm_bounded_256_template.h says. */
#define GEMM_NAME tern_gemm_s7_avx2
#define GEMM_BOUND 63
#include "simd/x86/gemm_bounded_256_template.h"
