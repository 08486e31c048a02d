/* Brings accumulators to int16 with AVX2, as requant_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/requant_template.h"

void tern_requant_avx2(const int32_t *acc, ptrdiff_t ld_acc, int16_t *out, ptrdiff_t ld_out,
                       const struct tern_row_scale *row, const int32_t *left, const int16_t *mul, const int16_t *bias,
                       int m, int n)
{
    vi_requant(acc, ld_acc, out, ld_out, row, left, mul, bias, m, n);
}
