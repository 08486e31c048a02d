/* Adds sums to a stream that loses bits first with AVX2, as accumulate_template.h says. */
#include "simd/x86/int_256.h"

#include "simd/x86/accumulate_template.h"

void tern_accumulate_avx2(int32_t *s, const int32_t *sum, int down, int n)
{
    vi_accumulate(s, sum, down, n);
}
