/* GELU of a row of floats, for vectors vf: see simd/gemm_f32.h. */
#ifndef TERN_GELU_F32_H
#define TERN_GELU_F32_H

/* z / 2 (1 + erf(u)), u = z / sqrt(2); erf(u) = u p(u^2) / q(u^2), both of degree 5, least absolute error (1.5e-8) on
   |u| <= 3.9. Outside erf is 1 in this precision. */
static ALWAYS_INLINE vf gelu_of(vf z)
{
    const vf u = vf_max(vf_min(vf_mul(z, vf_set1(0.70710678f)), vf_set1(3.9f)), vf_set1(-3.9f)), t = vf_mul(u, u);
    vf p = vf_fma(vf_set1(2.05038577405503e-06f), t, vf_set1(0.0002874570491258055f));
    vf q = vf_fma(vf_set1(3.8230715290410444e-05f), t, vf_set1(0.0011817335616797209f));
    p = vf_fma(p, t, vf_set1(0.003836873220279813f));
    q = vf_fma(q, t, vf_set1(0.015109198167920113f));
    p = vf_fma(p, t, vf_set1(0.05296690762042999f));
    q = vf_fma(q, t, vf_set1(0.11475817859172821f));
    p = vf_fma(p, t, vf_set1(0.19194096326828003f));
    q = vf_fma(q, t, vf_set1(0.5034350156784058f));
    p = vf_fma(p, t, vf_set1(1.128378987312317f));
    q = vf_fma(q, t, vf_set1(1));
    const vf erf = vf_max(vf_min(vf_mul(u, vf_div(p, q)), vf_set1(1)), vf_set1(-1)), half = vf_mul(z, vf_set1(0.5f));
    return vf_fma(half, erf, half);
}

static ALWAYS_INLINE void gelu(float *x, int n)
{
    int j = 0;
    for (; j + VF_LANES <= n; j += VF_LANES)
        vf_store(x + j, gelu_of(vf_load(x + j)));
    if (j < n)
        vf_store_some(x + j, gelu_of(vf_load_some(x + j, n - j)), n - j);
}

#endif
