/* Defines accumulate, which adds sums to a stream that loses bits first. */
#include "simd/table.h"

void tern_accumulate_ref(int32_t *s, const int32_t *sum, int down, int n)
{
    for (int j = 0; j < n; j++)
        s[j] = tern_add32(tern_rshift(s[j], down), sum[j]);
}
