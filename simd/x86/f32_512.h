/* Vectors of floats as the templates simd/..._f32.h want them: AVX-512. What each does is said in f32_256.h. */
#ifndef TERN_X86_F32_512_H
#define TERN_X86_F32_512_H

#ifndef __AVX512DQ__
#error "compile with AVX-512 F and DQ"
#endif
#include "simd/table.h"
#include "simd/x86/avx512.h"

typedef __m512 vf;
/* Registers: 24 sums, 3 of weights, broadcasts; as dot products 24 sums, 6 of rows, 1 of weights. */
enum { VF_LANES = 16, VF_ROWS = 8, VF_DOT_ROWS = 6, VF_DOT_K = 12 };

static ALWAYS_INLINE vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static ALWAYS_INLINE void vf_store(float *p, vf x)
{
    _mm512_storeu_ps(p, x);
}
static ALWAYS_INLINE vf vf_load_some(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(tern_mask16(n), p);
}
static ALWAYS_INLINE void vf_store_some(float *p, vf x, int n)
{
    _mm512_mask_storeu_ps(p, tern_mask16(n), x);
}
static ALWAYS_INLINE vf vf_choose(vf x, vf y, int n)
{
    return _mm512_mask_blend_ps(tern_mask16(n), y, x);
}
static ALWAYS_INLINE vf vf_set1(float x)
{
    return _mm512_set1_ps(x);
}
static ALWAYS_INLINE vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
static ALWAYS_INLINE vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
static ALWAYS_INLINE vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
static ALWAYS_INLINE vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}
static ALWAYS_INLINE vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}
static ALWAYS_INLINE vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
static ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static ALWAYS_INLINE vf vf_scale(vf x, vf n)
{
    return _mm512_scalef_ps(x, n);
}
static ALWAYS_INLINE vf vf_round(vf x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static ALWAYS_INLINE __m256 vf_halves(vf x)
{
    return _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
}
static ALWAYS_INLINE void vf_sum4(float *out, vf a, vf b, vf c, vf d)
{
    const __m256 x =
        _mm256_hadd_ps(_mm256_hadd_ps(vf_halves(a), vf_halves(b)), _mm256_hadd_ps(vf_halves(c), vf_halves(d)));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)));
}
static ALWAYS_INLINE float vf_sum(vf x)
{
    return _mm512_reduce_add_ps(x);
}
static ALWAYS_INLINE float vf_largest(vf x)
{
    return _mm512_reduce_max_ps(x);
}
static ALWAYS_INLINE vf vf_quads(const float *r0, const float *r1, const float *r2, const float *r3)
{
    vf x = _mm512_castps128_ps512(_mm_loadu_ps(r0));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(r1), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(r2), 2);
    return _mm512_insertf32x4(x, _mm_loadu_ps(r3), 3);
}
static ALWAYS_INLINE void vf_transpose(vf x[4])
{
    const vf ab = _mm512_unpacklo_ps(x[0], x[1]), AB = _mm512_unpackhi_ps(x[0], x[1]);
    const vf cd = _mm512_unpacklo_ps(x[2], x[3]), CD = _mm512_unpackhi_ps(x[2], x[3]);
    x[0] = _mm512_shuffle_ps(ab, cd, 0x44);
    x[1] = _mm512_shuffle_ps(ab, cd, 0xEE);
    x[2] = _mm512_shuffle_ps(AB, CD, 0x44);
    x[3] = _mm512_shuffle_ps(AB, CD, 0xEE);
}

#endif
