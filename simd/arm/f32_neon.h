/* Vectors of floats as the templates simd/..._f32.h want them: NEON of ARMv8.0 and ARMv7. What each does is said in
   simd/x86/f32_256.h. */
#ifndef TERN_ARM_F32_NEON_H
#define TERN_ARM_F32_NEON_H

#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/arm/neon.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

typedef float32x4_t vf;
/* A pass of the weights costs these cores as much for few rows as for many: dot products need no packing. */
enum { VF_LANES = 4, VF_ROWS = TERN_NEON_REGS / 4, VF_DOT_ROWS = TERN_NEON_REGS / 8, VF_DOT_K = 12 };

static ALWAYS_INLINE vf vf_load(const float *p)
{
    return vld1q_f32(p);
}
static ALWAYS_INLINE void vf_store(float *p, vf x)
{
    vst1q_f32(p, x);
}
static ALWAYS_INLINE vf vf_load_some(const float *p, int n)
{
    float x[4] = {0};
    for (int i = 0; i < n; i++)
        x[i] = p[i];
    return vld1q_f32(x);
}
static ALWAYS_INLINE void vf_store_some(float *p, vf v, int n)
{
    float x[4];
    vst1q_f32(x, v);
    for (int i = 0; i < n; i++)
        p[i] = x[i];
}
static ALWAYS_INLINE vf vf_choose(vf x, vf y, int n)
{
    static const int32_t lane[4] = {0, 1, 2, 3};
    return vbslq_f32(vcgtq_s32(vdupq_n_s32(n), vld1q_s32(lane)), x, y);
}
static ALWAYS_INLINE vf vf_set1(float x)
{
    return vdupq_n_f32(x);
}
static ALWAYS_INLINE vf vf_add(vf a, vf b)
{
    return vaddq_f32(a, b);
}
static ALWAYS_INLINE vf vf_sub(vf a, vf b)
{
    return vsubq_f32(a, b);
}
static ALWAYS_INLINE vf vf_mul(vf a, vf b)
{
    return vmulq_f32(a, b);
}
static ALWAYS_INLINE vf vf_min(vf a, vf b)
{
    return vminq_f32(a, b);
}
static ALWAYS_INLINE vf vf_max(vf a, vf b)
{
    return vmaxq_f32(a, b);
}
static ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return tern_neon_madd(c, a, b);
}

#ifdef __aarch64__

static ALWAYS_INLINE vf vf_div(vf a, vf b)
{
    return vdivq_f32(a, b);
}
static ALWAYS_INLINE vf vf_round(vf x)
{
    return vrndnq_f32(x);
}
static ALWAYS_INLINE float vf_largest(vf x)
{
    return vmaxvq_f32(x);
}

#else

/* Two of Newton's steps double the 8 bits of the estimate twice. */
static ALWAYS_INLINE vf vf_div(vf a, vf b)
{
    vf r = vrecpeq_f32(b);
    r = vmulq_f32(r, vrecpsq_f32(b, r));
    r = vmulq_f32(r, vrecpsq_f32(b, r));
    return vmulq_f32(a, r);
}
/* For |x| < 2^22: above 1.5 * 2^23 floats are whole. */
static ALWAYS_INLINE vf vf_round(vf x)
{
    const vf whole = vdupq_n_f32(12582912.0f);
    return vsubq_f32(vaddq_f32(x, whole), whole);
}
static ALWAYS_INLINE float vf_largest(vf x)
{
    const float32x2_t two = vmax_f32(vget_low_f32(x), vget_high_f32(x));
    return vget_lane_f32(vpmax_f32(two, two), 0);
}

#endif

static ALWAYS_INLINE vf vf_scale(vf x, vf n)
{
    const int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(x, vreinterpretq_f32_s32(power));
}
static ALWAYS_INLINE void vf_sum4(float *out, vf a, vf b, vf c, vf d)
{
    vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
}
static ALWAYS_INLINE float vf_sum(vf x)
{
    const float32x2_t two = vadd_f32(vget_low_f32(x), vget_high_f32(x));
    return vget_lane_f32(vpadd_f32(two, two), 0);
}
static ALWAYS_INLINE vf vf_quads(const float *r0, const float *r1, const float *r2, const float *r3)
{
    (void)r1;
    (void)r2;
    (void)r3;
    return vld1q_f32(r0);
}
static ALWAYS_INLINE void vf_transpose(vf x[4])
{
    const float32x4x2_t ab = vtrnq_f32(x[0], x[1]), cd = vtrnq_f32(x[2], x[3]);
    x[0] = vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]));
    x[1] = vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]));
    x[2] = vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]));
    x[3] = vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]));
}

#endif
