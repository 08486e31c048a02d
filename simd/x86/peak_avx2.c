/* Measures how fast AVX2 could multiply int8, as peak_flip_template.h says: 32 products in four
   instructions. */
#include "simd/x86/int_256.h"

#include "simd/x86/peak_flip_template.h"

uint64_t tern_peak_avx2(uint64_t n)
{
    return peak(n);
}
