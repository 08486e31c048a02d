/* Multiplies int8 by weights of at most 31 with NEON's widening multiplies: as gemm_chains_template.h says. */
#define GEMM_NAME tern_gemm_s6_neon
#define GEMM_BOUND 31
#include "simd/arm/gemm_chains_template.h"
