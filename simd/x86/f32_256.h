/* Vectors of floats as the templates simd/..._f32.h want them: AVX2 with FMA. */
#ifndef TERN_X86_F32_256_H
#define TERN_X86_F32_256_H

#ifndef __FMA__
#error "compile with -mavx2 -mfma"
#endif
#include "simd/table.h"
#include "simd/x86/avx2.h"

typedef __m256 vf;
/* Registers: 12 sums, 3 of weights, 1 broadcast; as dot products 12 sums, 3 of rows, 1 of weights. */
enum { VF_LANES = 8, VF_ROWS = 4, VF_DOT_ROWS = 3, VF_DOT_K = 12 };

static ALWAYS_INLINE vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static ALWAYS_INLINE void vf_store(float *p, vf x)
{
    _mm256_storeu_ps(p, x);
}
/* The first n lanes, 0 <= n <= VF_LANES; the others are 0, or not touched. */
static ALWAYS_INLINE __m256i vf_mask(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static ALWAYS_INLINE vf vf_load_some(const float *p, int n)
{
    return _mm256_maskload_ps(p, vf_mask(n));
}
static ALWAYS_INLINE void vf_store_some(float *p, vf x, int n)
{
    _mm256_maskstore_ps(p, vf_mask(n), x);
}
/* The first n lanes of x, the others of y. */
static ALWAYS_INLINE vf vf_choose(vf x, vf y, int n)
{
    return _mm256_blendv_ps(y, x, _mm256_castsi256_ps(vf_mask(n)));
}
static ALWAYS_INLINE vf vf_set1(float x)
{
    return _mm256_set1_ps(x);
}
static ALWAYS_INLINE vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}
static ALWAYS_INLINE vf vf_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}
static ALWAYS_INLINE vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}
static ALWAYS_INLINE vf vf_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}
static ALWAYS_INLINE vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}
static ALWAYS_INLINE vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}
/* a * b + c */
static ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}
/* x 2^n for whole n in -126 .. 127, given as floats */
static ALWAYS_INLINE vf vf_scale(vf x, vf n)
{
    const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(x, _mm256_castsi256_ps(power));
}
static ALWAYS_INLINE vf vf_round(vf x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static ALWAYS_INLINE void vf_sum4(float *out, vf a, vf b, vf c, vf d)
{
    const __m256 x = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)));
}
static ALWAYS_INLINE float vf_sum(vf x)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static ALWAYS_INLINE float vf_largest(vf x)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
/* Four floats of each of VF_LANES / 4 rows. */
static ALWAYS_INLINE vf vf_quads(const float *r0, const float *r1, const float *r2, const float *r3)
{
    (void)r2;
    (void)r3;
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(r0)), _mm_loadu_ps(r1), 1);
}
/* The 4 x 4 blocks of four vectors of quads. */
static ALWAYS_INLINE void vf_transpose(vf x[4])
{
    const vf ab = _mm256_unpacklo_ps(x[0], x[1]), AB = _mm256_unpackhi_ps(x[0], x[1]);
    const vf cd = _mm256_unpacklo_ps(x[2], x[3]), CD = _mm256_unpackhi_ps(x[2], x[3]);
    x[0] = _mm256_shuffle_ps(ab, cd, 0x44);
    x[1] = _mm256_shuffle_ps(ab, cd, 0xEE);
    x[2] = _mm256_shuffle_ps(AB, CD, 0x44);
    x[3] = _mm256_shuffle_ps(AB, CD, 0xEE);
}

#endif
