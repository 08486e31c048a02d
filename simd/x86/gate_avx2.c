/* Multiplies the two halves of a gated layer with AVX2, as gate_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/gate_template.h"

int tern_gate_avx2(int16_t *a, const int16_t *b, int n)
{
    return vi_gate(a, b, n);
}
