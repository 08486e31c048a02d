/* Measures how fast AVX-512BW could multiply int8, as peak_flip_template.h says: 64 products in four
   instructions. */
#include "simd/x86/int_512.h"

#include "simd/x86/peak_flip_template.h"

uint64_t tern_peak_avx512bw(uint64_t n)
{
    return peak(n);
}
