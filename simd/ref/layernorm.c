/* Defines layernorm, which normalises rows. */
#include "simd/table.h"

static void norm_row(const int32_t *s, const int16_t *gamma, const int16_t *beta, uint64_t eps, int16_t *y, int8_t *q,
                     struct tern_row *row, int n)
{
    int64_t sum = 0;
    for (int j = 0; j < n; j++)
        sum += s[j];
    uint32_t mean = (uint32_t)tern_floor_div(sum + n / 2, n);

    uint32_t dmax = 0;
    for (int j = 0; j < n; j++) {
        uint32_t d = (uint32_t)s[j] - mean, magnitude = (int32_t)d < 0 ? 0u - d : d;
        dmax = magnitude > dmax ? magnitude : dmax;
    }
    int shift = dmax ? tern_layernorm_shift(dmax) : 0;

    uint64_t sum2 = 0;
    for (int j = 0; j < n; j++) {
        int32_t d16 = tern_layernorm_d16((int32_t)((uint32_t)s[j] - mean), shift);
        sum2 += (uint64_t)(d16 * d16);
    }
    struct tern_layernorm_scale unit = {0, 14};
    if (dmax)
        unit = tern_layernorm_scale_of(sum2, eps, shift);

    row->amax = 0;
    for (int j = 0; j < n; j++) {
        int16_t n16 = tern_layernorm_n16(tern_layernorm_d16((int32_t)((uint32_t)s[j] - mean), shift), unit);
        y[j] = tern_max16(tern_adds(tern_mulr(n16, gamma[j]), beta[j]), -32767);
        int32_t magnitude = n16 < 0 ? -n16 : n16;
        row->amax = magnitude > row->amax ? magnitude : row->amax;
    }

    struct tern_s8_scale scale = tern_s8_scale_of(row->amax);
    row->norm2 = 0;
    for (int j = 0; j < n; j++) {
        int16_t n16 = tern_layernorm_n16(tern_layernorm_d16((int32_t)((uint32_t)s[j] - mean), shift), unit);
        q[j] = tern_to_s8(n16, scale);
        row->norm2 += q[j] * q[j];
    }
    for (int j = n; j < tern_round_up(n, TERN_PANEL_K); j++)
        q[j] = 0;
}

void tern_layernorm_ref(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                        int16_t *y, int8_t *q, ptrdiff_t ld_q, struct tern_row *row, int m, int n)
{
    for (int i = 0; i < m; i++)
        norm_row(s + i * ld, gamma, beta, eps, y + i * ld, q + i * ld_q, row + i, n);
}
