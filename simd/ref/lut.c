/* Defines lut, which makes gemm_lut's tables of sums. */
#include "simd/table.h"

void tern_lut_ref(const int8_t *a, uint8_t *table, int32_t *sum, int k4)
{
    for (int block = 0; block < tern_blocks(k4); block++, table += TERN_LUT_BLOCK) {
        sum[block] = 0;
        for (int within = 0; within < TERN_BLOCK_STEPS; within++) {
            const int step = block * TERN_BLOCK_STEPS + within;
            uint8_t *low = table + within % 2 * 2 * TERN_LINE + within / 2 * 16;
            for (int choice = 0; choice < 16; choice++) {
                int t = 0;
                for (int i = 0; step < k4 && i < TERN_PANEL_K; i++)
                    t += choice >> i & 1 ? a[step * TERN_PANEL_K + i] : 0;
                low[choice] = (uint8_t)(t & ((1 << TERN_LUT_LOW_BITS) - 1));
                low[TERN_LINE + choice] = (uint8_t)(t >> TERN_LUT_LOW_BITS);
                sum[block] += choice == 15 ? t : 0;
            }
        }
    }
}
