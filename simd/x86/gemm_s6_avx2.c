/* Multiplies int8 by weights of at most 31 with AVX2's pmaddubsw: as gemm_bounded_256_template.h says. */
#define GEMM_NAME tern_gemm_s6_avx2
#define GEMM_BOUND 31
#include "simd/x86/gemm_bounded_256_template.h"
