/* Defines gemm_lut, which multiplies weights of 1 to 3 bits by table look-up. */
#include "simd/table.h"

/* The sum that a nibble of a plane chooses. */
static int32_t chosen(const uint8_t *table, const uint8_t *plane, int channel, int within)
{
    const int nibble = plane[within / 2 * TERN_PANEL + channel] >> 4 * (within % 2) & 15;
    const uint8_t *low = table + within % 2 * 2 * TERN_LINE + within / 2 * 16 + nibble;
    return low[0] + (int8_t)low[TERN_LINE] * (1 << TERN_LUT_LOW_BITS);
}

void tern_gemm_lut_ref(const uint8_t *table, ptrdiff_t ld_table, const int32_t *sum, ptrdiff_t ld_sum,
                       const struct tern_codes *w, int32_t *c, ptrdiff_t ld_c, int m, int panels, int k4)
{
    const int bits = w->book->bits;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < panels * TERN_PANEL; j++) {
            const int channel = j % TERN_PANEL;
            const struct tern_codes panel = tern_codes_at(w, j / TERN_PANEL, k4);
            int32_t all = 0;
            for (int block = 0; block < tern_blocks(k4); block++) {
                int32_t codes = 0;
                for (int plane = 0; plane < bits; plane++)
                    for (int within = 0; within < TERN_BLOCK_STEPS; within++)
                        codes += chosen(table + i * ld_table + (ptrdiff_t)block * TERN_LUT_BLOCK,
                                        panel.line + (ptrdiff_t)(block * bits + plane) * TERN_LINE, channel, within) *
                                 (1 << plane);
                const int group = w->mul ? block * TERN_BLOCK_STEPS / w->group : 0;
                all += (w->book->step * codes - w->book->offset * sum[i * ld_sum + block]) *
                       (w->mul ? panel.mul[group * TERN_PANEL + channel] : 1);
            }
            c[i * ld_c + j] = all;
        }
    }
}
