/* Multiplies int8 matrices with NEON's widening multiplies: as gemm_chains_template.h says. */
#define GEMM_NAME tern_gemm_s8_neon
#define GEMM_BOUND 127
#include "simd/arm/gemm_chains_template.h"
