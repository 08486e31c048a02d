/* Vectors of floats as the templates simd/..._f32.h want them: SSE4.1. What each does is said in f32_256.h. */
#ifndef TERN_X86_F32_128_H
#define TERN_X86_F32_128_H

#ifndef __SSE4_1__
#error "compile with -msse4.1"
#endif
#include "simd/table.h"
#include "simd/x86/sse41.h"

typedef __m128 vf;
/* Products overwrite a copy, which takes a register more than AVX2's. */
enum { VF_LANES = 4, VF_ROWS = 3, VF_DOT_ROWS = 3, VF_DOT_K = 12 };

static ALWAYS_INLINE vf vf_load(const float *p)
{
    return _mm_loadu_ps(p);
}
static ALWAYS_INLINE void vf_store(float *p, vf x)
{
    _mm_storeu_ps(p, x);
}
static ALWAYS_INLINE vf vf_load_some(const float *p, int n)
{
    float x[4] = {0};
    for (int i = 0; i < n; i++)
        x[i] = p[i];
    return _mm_loadu_ps(x);
}
static ALWAYS_INLINE void vf_store_some(float *p, vf v, int n)
{
    float x[4];
    _mm_storeu_ps(x, v);
    for (int i = 0; i < n; i++)
        p[i] = x[i];
}
static ALWAYS_INLINE vf vf_choose(vf x, vf y, int n)
{
    const __m128i first = _mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3));
    return _mm_blendv_ps(y, x, _mm_castsi128_ps(first));
}
static ALWAYS_INLINE vf vf_set1(float x)
{
    return _mm_set1_ps(x);
}
static ALWAYS_INLINE vf vf_add(vf a, vf b)
{
    return _mm_add_ps(a, b);
}
static ALWAYS_INLINE vf vf_sub(vf a, vf b)
{
    return _mm_sub_ps(a, b);
}
static ALWAYS_INLINE vf vf_mul(vf a, vf b)
{
    return _mm_mul_ps(a, b);
}
static ALWAYS_INLINE vf vf_div(vf a, vf b)
{
    return _mm_div_ps(a, b);
}
static ALWAYS_INLINE vf vf_min(vf a, vf b)
{
    return _mm_min_ps(a, b);
}
static ALWAYS_INLINE vf vf_max(vf a, vf b)
{
    return _mm_max_ps(a, b);
}
/* Rounded twice. */
static ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return _mm_add_ps(_mm_mul_ps(a, b), c);
}
static ALWAYS_INLINE vf vf_scale(vf x, vf n)
{
    const __m128i power = _mm_slli_epi32(_mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127)), 23);
    return _mm_mul_ps(x, _mm_castsi128_ps(power));
}
static ALWAYS_INLINE vf vf_round(vf x)
{
    return _mm_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static ALWAYS_INLINE void vf_sum4(float *out, vf a, vf b, vf c, vf d)
{
    _mm_storeu_ps(out, _mm_hadd_ps(_mm_hadd_ps(a, b), _mm_hadd_ps(c, d)));
}
static ALWAYS_INLINE float vf_sum(vf x)
{
    const __m128 s = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static ALWAYS_INLINE float vf_largest(vf x)
{
    const __m128 s = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
static ALWAYS_INLINE vf vf_quads(const float *r0, const float *r1, const float *r2, const float *r3)
{
    (void)r1;
    (void)r2;
    (void)r3;
    return _mm_loadu_ps(r0);
}
static ALWAYS_INLINE void vf_transpose(vf x[4])
{
    _MM_TRANSPOSE4_PS(x[0], x[1], x[2], x[3]);
}

#endif
