/* Measures how fast SSE4.1 could multiply int8, as peak_flip_template.h says: 16 products in four instructions
   and in the two copies that operands which are overwritten take. */
#include "simd/x86/int_128.h"

#include "simd/x86/peak_flip_template.h"

uint64_t tern_peak_sse41(uint64_t n)
{
    return peak(n);
}
