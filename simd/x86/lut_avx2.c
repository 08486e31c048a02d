/* Makes gemm_lut's tables of sums with AVX2, as lut_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/lut_template.h"

void tern_lut_avx2(const int8_t *a, uint8_t *table, int32_t *sum, int k4)
{
    vi_lut(a, table, sum, k4);
}
