/* Turns the heads of a token with SSE4.1, as rotate_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/rotate_template.h"

void tern_rotate_sse41(int16_t *x, const int16_t *turn, int heads, int dim, int half)
{
    vi_rotate(x, turn, heads, dim, half);
}
