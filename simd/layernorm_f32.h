/* LayerNorm of a row of floats, for vectors vf: see simd/gemm_f32.h. */
#ifndef TERN_LAYERNORM_F32_H
#define TERN_LAYERNORM_F32_H

#include <math.h>

/* x += add; returns the sum. */
static ALWAYS_INLINE float add_up(float *x, const float *add, int n)
{
    vf sum = vf_set1(0), other = sum;
    int j = 0;
    for (; j + 2 * VF_LANES <= n; j += 2 * VF_LANES) {
        vf a = vf_load(x + j), b = vf_load(x + j + VF_LANES);
        if (add) {
            a = vf_add(a, vf_load(add + j));
            b = vf_add(b, vf_load(add + j + VF_LANES));
            vf_store(x + j, a);
            vf_store(x + j + VF_LANES, b);
        }
        sum = vf_add(sum, a);
        other = vf_add(other, b);
    }
    for (int some; j < n; j += some) {
        some = n - j < VF_LANES ? n - j : VF_LANES;
        vf a = vf_load_some(x + j, some);
        if (add) {
            a = vf_add(a, vf_load_some(add + j, some));
            vf_store_some(x + j, a, some);
        }
        sum = vf_add(sum, a);
    }
    return vf_sum(vf_add(sum, other));
}

/* The sum of (x - mean)^2. */
static ALWAYS_INLINE float spread(const float *x, float mean, int n)
{
    const vf m = vf_set1(mean);
    vf sum = vf_set1(0), other = sum;
    int j = 0;
    for (; j + 2 * VF_LANES <= n; j += 2 * VF_LANES) {
        const vf a = vf_sub(vf_load(x + j), m), b = vf_sub(vf_load(x + j + VF_LANES), m);
        sum = vf_fma(a, a, sum);
        other = vf_fma(b, b, other);
    }
    for (int some; j < n; j += some) {
        some = n - j < VF_LANES ? n - j : VF_LANES;
        const vf a = vf_sub(vf_choose(vf_load_some(x + j, some), m, some), m);
        sum = vf_fma(a, a, sum);
    }
    return vf_sum(vf_add(sum, other));
}

static ALWAYS_INLINE void layernorm(float *x, const float *add, const float *gamma, const float *beta, float eps,
                                    int rms, int n)
{
    const float sum = add_up(x, add, n), mean = rms ? 0 : sum / (float)n;
    const float deviation = sqrtf(spread(x, mean, n) / (float)n + eps);
    const vf m = vf_set1(mean), scale = vf_set1(1 / deviation);
    int j = 0;
    for (; j + VF_LANES <= n; j += VF_LANES)
        vf_store(x + j, vf_fma(vf_mul(vf_sub(vf_load(x + j), m), scale), vf_load(gamma + j), vf_load(beta + j)));
    if (j < n) {
        const int some = n - j;
        const vf y = vf_mul(vf_sub(vf_load_some(x + j, some), m), scale);
        vf_store_some(x + j, vf_fma(y, vf_load_some(gamma + j, some), vf_load_some(beta + j, some)), some);
    }
}

#endif
