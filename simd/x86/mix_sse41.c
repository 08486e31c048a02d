/* Adds a row to accumulators whose panels have units of their own with SSE4.1, as mix_template.h says. */
#include "simd/x86/int_128.h"

#include "simd/x86/mix_template.h"

int tern_mix_sse41(const int32_t *acc, const int32_t *unit, const int16_t *y, struct tern_real real, int32_t *sum,
                   int n)
{
    return vi_mix(acc, unit, y, real, sum, n);
}
