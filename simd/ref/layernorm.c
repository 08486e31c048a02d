/* Defines layernorm, which normalises rows, around their mean or around 0. */
#include "simd/table.h"

static void norm_row(const int32_t *s, const int16_t *gamma, const int16_t *beta, uint64_t eps, int rms, int16_t *y,
                     int16_t *x, int n)
{
    int64_t sum = 0;
    for (int j = 0; j < n; j++)
        sum += s[j];
    uint32_t mean = rms ? 0 : (uint32_t)tern_floor_div(sum + n / 2, n);

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

    for (int j = 0; j < n; j++) {
        x[j] = tern_layernorm_n16(tern_layernorm_d16((int32_t)((uint32_t)s[j] - mean), shift), unit);
        y[j] = tern_max16(tern_adds(tern_mulr(x[j], gamma[j]), beta[j]), -32767);
    }
}

void tern_layernorm_ref(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                        int rms, int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    for (int i = 0; i < m; i++)
        norm_row(s + i * ld, gamma, beta, eps, rms, y + i * ld, x + i * ld_x, n);
}
