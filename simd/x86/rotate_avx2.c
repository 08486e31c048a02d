/* Turns the heads of a token with AVX2, as rotate_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/rotate_template.h"

void tern_rotate_avx2(int16_t *x, const int16_t *turn, int heads, int dim, int half)
{
    vi_rotate(x, turn, heads, dim, half);
}
