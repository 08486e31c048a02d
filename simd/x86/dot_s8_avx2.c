/* Multiplies one int8 vector by many with AVX2, as dot_signs_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/dot_signs_template.h"

void tern_dot_s8_avx2(const int8_t *q, const int8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    dot_rows(q, x, ld_x, out, n, k);
}
