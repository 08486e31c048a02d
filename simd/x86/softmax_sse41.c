/* Makes softmax's probabilities with SSE4.1, as softmax_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/softmax_template.h"

int32_t tern_softmax_sse41(const int32_t *score, int shift, int mul, int8_t *high, int8_t *low, int n)
{
    return vi_softmax(score, shift, mul, high, low, n);
}
