/* Multiplies the two halves of a gated layer with SSE4.1, as gate_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/gate_template.h"

int tern_gate_sse41(int16_t *a, const int16_t *b, int n)
{
    return vi_gate(a, b, n);
}
