/* Softmax with exp by a polynomial: simd/softmax_f32.h. */
#include "simd/x86/f32_128.h"

#include "simd/softmax_f32.h"

void tern_softmax_f32_sse41(float *x, ptrdiff_t ld, float scale, int m, int n)
{
    for (int i = 0; i < m; i++)
        softmax(x + i * ld, scale, n);
}
