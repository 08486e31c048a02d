/* Adds accumulators to the residual stream with AVX2, as residual_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/residual_template.h"

void tern_residual_avx2(const int32_t *acc, ptrdiff_t ld_acc, const int16_t *y, ptrdiff_t ld_y, int32_t *out,
                        ptrdiff_t ld_out, const struct tern_row_scale *row, const int32_t *left, const int16_t *mul,
                        const int32_t *bias, int up, int m, int n)
{
    vi_residual(acc, ld_acc, y, ld_y, out, ld_out, row, left, mul, bias, up, m, n);
}
