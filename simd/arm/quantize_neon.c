/* Quantises a row to int8 with NEON. It takes two passes over a row, which the first brings into the cache. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

void tern_quantize_neon(const int16_t *x, int8_t *q, struct tern_row *row, int n)
{
    row->amax = tern_neon_amax_of(x, n);
    struct tern_s8_scale scale = tern_s8_scale_of(row->amax);
    struct tern_neon_s8_scale s = tern_neon_s8_scale_of(scale);
    int32x4_t sums = vdupq_n_s32(0);
    int j = 0;
    for (; j + 16 <= n; j += 16) {
        int8x16_t v = tern_neon_load_s8(x + j, s);
        vst1q_s8(q + j, v);
        sums = tern_neon_norm2(sums, v);
    }
    row->norm2 = vaddvq_s32(sums);
    for (; j < n; j++) {
        q[j] = tern_to_s8(x[j], scale);
        row->norm2 += q[j] * q[j];
    }
    for (; j < tern_round_up(n, TERN_PANEL_K); j++)
        q[j] = 0;
}
