/* Multiplies one int8 vector by many with sdot. */
#ifndef __ARM_FEATURE_DOTPROD
#error "compile with -march=armv8.2-a+dotprod"
#endif
#include "simd/arm/neon.h"

TERN_INLINE int32x4_t dot_add(int32x4_t sum, int8x16_t x, int8x16_t q)
{
    return vdotq_s32(sum, x, q);
}

#include "simd/arm/dot_template.h"

void tern_dot_s8_dotprod(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    dot_rows(q, x, ld_x, out, n, k);
}
