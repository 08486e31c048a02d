/* Brings a row that has an exponent to 30 bits, and to int16 with SSE4.1, as narrow_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/narrow_template.h"

int tern_narrow_sse41(int32_t *v, int16_t *x, int relu, int n)
{
    return vi_narrow(v, x, relu, n);
}
