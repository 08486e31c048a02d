/* Defines scaled, the sums of rows that have exponents. */
#include "simd/table.h"

void tern_scaled_ref(const int32_t *acc, int32_t *sum, const int16_t *mul, const int16_t *gamma, const int32_t *bias,
                     const struct tern_scaled_scale *scale, int n)
{
    for (int j = 0; j < n; j++)
        sum[j] = tern_scaled1(acc[j], sum[j], mul[j], gamma ? gamma[j] : 1, bias[j], scale);
}
