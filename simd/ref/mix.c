/* Defines mix, which adds a row to accumulators whose panels have units of their own. */
#include "simd/table.h"

int tern_mix_ref(const int32_t *acc, const int32_t *unit, const int16_t *y, struct tern_real real, int32_t *sum, int n)
{
    uint64_t most = 0;
    for (int j = 0; j < n; j++)
        most |= tern_magnitude64(tern_mix1(acc[j], unit[j / TERN_PANEL], y[j], real));
    const int shift = tern_mix_shift(most);
    for (int j = 0; j < n; j++)
        sum[j] = (int32_t)tern_rshift64(tern_mix1(acc[j], unit[j / TERN_PANEL], y[j], real), shift);
    return shift;
}
