/* Softmax of a row of floats, for vectors vf: see simd/gemm_f32.h. */
#ifndef TERN_SOFTMAX_F32_H
#define TERN_SOFTMAX_F32_H

/* exp(x) for x <= 0, within 2 units in the last place down to 2^-125, and between 0 and 2^-125 below:
   x = n ln 2 + r with |r| <= ln 2 / 2, exp(r) = 1 + r + r^2 q(r), q of degree 4 and least error (3e-9). ln 2 is taken
   off in two parts, of which the first has few bits, so that n times it is exact. */
static ALWAYS_INLINE vf exp_negative(vf x)
{
    x = vf_max(x, vf_set1(-86.6434f));
    const vf n = vf_round(vf_mul(x, vf_set1(1.44269504f)));
    vf r = vf_fma(n, vf_set1(-0.693359375f), x);
    r = vf_fma(n, vf_set1(2.12194440e-4f), r);
    vf q = vf_fma(vf_set1(0.001395049155689776f), r, vf_set1(0.008368889801204205f));
    q = vf_fma(q, r, vf_set1(0.04166620597243309f));
    q = vf_fma(q, r, vf_set1(0.166665181517601f));
    q = vf_fma(q, r, vf_set1(0.5f));
    q = vf_fma(q, vf_mul(r, r), r);
    return vf_scale(vf_add(q, vf_set1(1)), n);
}

static ALWAYS_INLINE float largest(const float *x, int n)
{
    vf max = vf_set1(x[0]);
    int j = 0;
    for (; j + VF_LANES <= n; j += VF_LANES)
        max = vf_max(max, vf_load(x + j));
    if (j < n)
        max = vf_max(max, vf_choose(vf_load_some(x + j, n - j), max, n - j));
    return vf_largest(max);
}

static ALWAYS_INLINE void softmax(float *x, float scale, int n)
{
    const vf max = vf_set1(largest(x, n)), by = vf_set1(scale);
    vf sum = vf_set1(0);
    int j = 0;
    for (; j + VF_LANES <= n; j += VF_LANES) {
        const vf e = exp_negative(vf_mul(vf_sub(vf_load(x + j), max), by));
        sum = vf_add(sum, e);
        vf_store(x + j, e);
    }
    if (j < n) {
        const vf e = exp_negative(vf_mul(vf_sub(vf_load_some(x + j, n - j), max), by));
        sum = vf_add(sum, vf_choose(e, vf_set1(0), n - j));
        vf_store_some(x + j, e, n - j);
    }
    const vf share = vf_set1(1 / vf_sum(sum));
    for (j = 0; j + VF_LANES <= n; j += VF_LANES)
        vf_store(x + j, vf_mul(vf_load(x + j), share));
    if (j < n)
        vf_store_some(x + j, vf_mul(vf_load_some(x + j, n - j), share), n - j);
}

#endif
