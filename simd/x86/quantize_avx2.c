/* Quantises a row to int8 with AVX2, as quantize_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/quantize_template.h"

void tern_quantize_avx2(const int16_t *x, int8_t *q, struct tern_row *row, int n)
{
    vi_quantize(x, q, row, n);
}
