/* Multiplies one int8 vector by many with NEON: two products of bytes fit in 16 bits, pairs of them are added to sums
   of 32. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/arm/neon.h"

_Static_assert(2 * 127 * 127 <= INT16_MAX, "two products fit in 16 bits");

TERN_INLINE int32x4_t dot_add(int32x4_t sum, int8x16_t x, int8x16_t q)
{
    return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(q)), x, q));
}

#include "simd/arm/dot_template.h"

void tern_dot_s8_neon(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    dot_rows(q, x, ld_x, out, n, k);
}
