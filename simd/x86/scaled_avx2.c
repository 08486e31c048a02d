/* Sums rows that have exponents with AVX2, as scaled_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/scaled_template.h"

void tern_scaled_avx2(const int32_t *acc, int32_t *sum, const int16_t *mul, const int16_t *gamma, const int32_t *bias,
                      const struct tern_scaled_scale *scale, int n)
{
    vi_scaled(acc, sum, mul, gamma, bias, scale, n);
}
