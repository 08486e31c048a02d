/* The helpers that the NEON kernels share. Plain ARMv8.0 and ARMv7 NEON alike: what 32-bit NEON lacks is supplied under
   the name that arm_neon.h gives it on 64 bits, so that a kernel is written once. */
#ifndef TERN_ARM_NEON_H
#define TERN_ARM_NEON_H

#include "simd/barrier.h"
#include "simd/table.h"
#include "simd/tiling.h"
#include "simd/unroll.h"

#include <arm_neon.h>

#define TERN_INLINE static inline __attribute__((always_inline))

#ifdef __aarch64__

enum { TERN_NEON_REGS = 32 };

TERN_INLINE uint8x16x4_t tern_neon_load_line(const uint8_t *line)
{
    return vld1q_u8_x4(line);
}

/* Separate roundings on 32 bits (ARMv7 NEON has no fused multiply-add): for the float class only. */
TERN_INLINE float32x4_t tern_neon_madd(float32x4_t sum, float32x4_t a, float32x4_t b)
{
    return vfmaq_f32(sum, a, b);
}

#else

enum { TERN_NEON_REGS = 16 };

/* gcc has no vld1q_u8_x4 here. */
TERN_INLINE uint8x16x4_t tern_neon_load_line(const uint8_t *line)
{
    const uint8x16x4_t four = {{vld1q_u8(line), vld1q_u8(line + 16), vld1q_u8(line + 32), vld1q_u8(line + 48)}};
    return four;
}

/* In assembly: gcc copies a table into registers of its own before each vtbl2_u8, and the halves together after it. */
TERN_INLINE uint8x16_t vqtbl1q_u8(uint8x16_t table, uint8x16_t index)
{
    uint8x16_t chosen;
    __asm__("vtbl.8 %e0, {%e1, %f1}, %e2\n"
            "vtbl.8 %f0, {%e1, %f1}, %f2"
            : "=&w"(chosen)
            : "w"(table), "w"(index));
    return chosen;
}

TERN_INLINE int8x16_t vqtbl1q_s8(int8x16_t table, uint8x16_t index)
{
    return vreinterpretq_s8_u8(vqtbl1q_u8(vreinterpretq_u8_s8(table), index));
}

TERN_INLINE float32x4_t tern_neon_madd(float32x4_t sum, float32x4_t a, float32x4_t b)
{
    return vmlaq_f32(sum, a, b);
}

TERN_INLINE int16x8_t vmull_high_s8(int8x16_t a, int8x16_t b)
{
    return vmull_s8(vget_high_s8(a), vget_high_s8(b));
}

TERN_INLINE int16x8_t vmlal_high_s8(int16x8_t sum, int8x16_t a, int8x16_t b)
{
    return vmlal_s8(sum, vget_high_s8(a), vget_high_s8(b));
}

TERN_INLINE int32x4_t vmull_high_s16(int16x8_t a, int16x8_t b)
{
    return vmull_s16(vget_high_s16(a), vget_high_s16(b));
}

TERN_INLINE int32x4_t vmlal_high_s16(int32x4_t sum, int16x8_t a, int16x8_t b)
{
    return vmlal_s16(sum, vget_high_s16(a), vget_high_s16(b));
}

TERN_INLINE int32x4_t vmlsl_high_s16(int32x4_t sum, int16x8_t a, int16x8_t b)
{
    return vmlsl_s16(sum, vget_high_s16(a), vget_high_s16(b));
}

TERN_INLINE int32x4_t vmovl_high_s16(int16x8_t a)
{
    return vmovl_s16(vget_high_s16(a));
}

TERN_INLINE int32x4_t vaddw_high_s16(int32x4_t sum, int16x8_t a)
{
    return vaddw_s16(sum, vget_high_s16(a));
}

TERN_INLINE int32x4_t vpaddq_s32(int32x4_t a, int32x4_t b)
{
    return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
}

TERN_INLINE uint8x16_t vpmaxq_u8(uint8x16_t a, uint8x16_t b)
{
    return vcombine_u8(vpmax_u8(vget_low_u8(a), vget_high_u8(a)), vpmax_u8(vget_low_u8(b), vget_high_u8(b)));
}

TERN_INLINE float32x4_t vpaddq_f32(float32x4_t a, float32x4_t b)
{
    return vcombine_f32(vpadd_f32(vget_low_f32(a), vget_high_f32(a)), vpadd_f32(vget_low_f32(b), vget_high_f32(b)));
}

TERN_INLINE int64_t vaddvq_s64(int64x2_t a)
{
    return vgetq_lane_s64(a, 0) + vgetq_lane_s64(a, 1);
}

TERN_INLINE int32_t vaddvq_s32(int32x4_t a)
{
    int32x2_t pair = vadd_s32(vget_low_s32(a), vget_high_s32(a));
    return vget_lane_s32(vpadd_s32(pair, pair), 0);
}

TERN_INLINE int32_t vmaxvq_s32(int32x4_t a)
{
    int32x2_t pair = vmax_s32(vget_low_s32(a), vget_high_s32(a));
    return vget_lane_s32(vpmax_s32(pair, pair), 0);
}

TERN_INLINE int32_t vminvq_s32(int32x4_t a)
{
    int32x2_t pair = vmin_s32(vget_low_s32(a), vget_high_s32(a));
    return vget_lane_s32(vpmin_s32(pair, pair), 0);
}

TERN_INLINE int16_t vmaxvq_s16(int16x8_t a)
{
    int16x4_t four = vmax_s16(vget_low_s16(a), vget_high_s16(a));
    four = vpmax_s16(four, four);
    return vget_lane_s16(vpmax_s16(four, four), 0);
}

TERN_INLINE int16_t vminvq_s16(int16x8_t a)
{
    int16x4_t four = vmin_s16(vget_low_s16(a), vget_high_s16(a));
    four = vpmin_s16(four, four);
    return vget_lane_s16(vpmin_s16(four, four), 0);
}

TERN_INLINE uint32_t vmaxvq_u32(uint32x4_t a)
{
    uint32x2_t pair = vmax_u32(vget_low_u32(a), vget_high_u32(a));
    return vget_lane_u32(vpmax_u32(pair, pair), 0);
}

TERN_INLINE uint16_t vmaxvq_u16(uint16x8_t a)
{
    uint16x4_t four = vmax_u16(vget_low_u16(a), vget_high_u16(a));
    four = vpmax_u16(four, four);
    return vget_lane_u16(vpmax_u16(four, four), 0);
}

#endif

/* The sixteen channels' bytes, each four times: in the order of a panel's k step. */
TERN_INLINE uint8x16x4_t tern_neon_spread(uint8x16_t channel)
{
    static const uint8_t first[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    const uint8x16_t index = vld1q_u8(first);
    const uint8x16x4_t step = {{vqtbl1q_u8(channel, index), vqtbl1q_u8(channel, vaddq_u8(index, vdupq_n_u8(4))),
                                vqtbl1q_u8(channel, vaddq_u8(index, vdupq_n_u8(8))),
                                vqtbl1q_u8(channel, vaddq_u8(index, vdupq_n_u8(12)))}};
    return step;
}

/* The codes of one k step of a line: the even k step lies in the low nibbles, the odd one in the high nibbles. */
TERN_INLINE uint8x16_t tern_neon_nibble(uint8x16_t code, int odd)
{
    return odd ? vshrq_n_u8(code, 4) : vandq_u8(code, vdupq_n_u8(15));
}

/* tern_mulr is vqrdmulhq_s16: they differ for -32768 * -32768 alone, and every second factor here is a multiplier or a
   coordinate >= -32767. tern_adds is vqaddq_s16, tern_sat16 vqmovn_s32. */

/* 32-bit sums that may wrap: gcc's vaddq_s32 is a + b, whose overflow is undefined in C. */
TERN_INLINE int32x4_t tern_neon_add32(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_u32(vaddq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

TERN_INLINE int32x4_t tern_neon_sub32(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_u32(vsubq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

/* tern_rshift's two halves for a shift of 0..31. vrshlq_s32 is not it: it does not wrap above 2^31 - 2^(shift - 1). */
struct tern_neon_rshift {
    int32x4_t half, down;
};

TERN_INLINE struct tern_neon_rshift tern_neon_rshift_by(int shift)
{
    struct tern_neon_rshift r = {vdupq_n_s32((int32_t)((1u << shift) >> 1)), vdupq_n_s32(-shift)};
    return r;
}

TERN_INLINE int32x4_t tern_neon_rshift(int32x4_t x, struct tern_neon_rshift r)
{
    return vshlq_s32(tern_neon_add32(x, r.half), r.down);
}

/* Four accumulators from acc[j] on, shifted as requant and residual have them. */
TERN_INLINE int32x4_t tern_neon_shifted(const int32_t *acc, const int32_t *left, int j)
{
    const int32x4_t x = vld1q_s32(acc + j);
    return left ? vshlq_s32(x, vld1q_s32(left + j)) : x;
}

/* sat16(rshift(x)) of eight. */
TERN_INLINE int16x8_t tern_neon_narrow(int32x4_t low, int32x4_t high, struct tern_neon_rshift r)
{
    return vcombine_s16(vqmovn_s32(tern_neon_rshift(low, r)), vqmovn_s32(tern_neon_rshift(high, r)));
}

/* tern_to_s8 of eight. The rounding narrow's sum does not wrap, as the reference's does not. */
struct tern_neon_s8_scale {
    int16x8_t shift, mul;
};

TERN_INLINE struct tern_neon_s8_scale tern_neon_s8_scale_of(struct tern_s8_scale scale)
{
    struct tern_neon_s8_scale s = {vdupq_n_s16(scale.shift), vdupq_n_s16(scale.mul)};
    return s;
}

TERN_INLINE int8x8_t tern_neon_to_s8(int16x8_t x, struct tern_neon_s8_scale s)
{
    return vrshrn_n_s16(vqrdmulhq_s16(vshlq_s16(x, s.shift), s.mul), 7);
}

TERN_INLINE int8x16_t tern_neon_load_s8(const int16_t *x, struct tern_neon_s8_scale s)
{
    return vcombine_s8(tern_neon_to_s8(vld1q_s16(x), s), tern_neon_to_s8(vld1q_s16(x + 8), s));
}

/* sum + q^2 of sixteen: two squares of at most 127^2 fit in 16 bits. */
TERN_INLINE int32x4_t tern_neon_norm2(int32x4_t sum, int8x16_t q)
{
    return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(q), vget_low_s8(q)), q, q));
}

/* max(amax, |x|) for |x| <= 32767. */
TERN_INLINE uint16x8_t tern_neon_amax(uint16x8_t amax, int16x8_t x)
{
    return vmaxq_u16(amax, vreinterpretq_u16_s16(vabsq_s16(x)));
}

/* The largest magnitude among n values, for |x| <= 32767. */
TERN_INLINE int32_t tern_neon_amax_of(const int16_t *x, int n)
{
    uint16x8_t most = vdupq_n_u16(0);
    int j = 0;
    for (; j + 32 <= n; j += 32) {
        const uint16x8_t first = vreinterpretq_u16_s16(vabsq_s16(vld1q_s16(x + j))),
                         third = vreinterpretq_u16_s16(vabsq_s16(vld1q_s16(x + j + 16)));
        const uint16x8_t low = tern_neon_amax(first, vld1q_s16(x + j + 8));
        const uint16x8_t high = tern_neon_amax(third, vld1q_s16(x + j + 24));
        most = vmaxq_u16(most, vmaxq_u16(low, high));
    }
    for (; j + 8 <= n; j += 8)
        most = tern_neon_amax(most, vld1q_s16(x + j));
    int32_t amax = vmaxvq_u16(most);
    for (; j < n; j++) {
        const int32_t magnitude = x[j] < 0 ? -x[j] : x[j];
        amax = magnitude > amax ? magnitude : amax;
    }
    return amax;
}

/* A polynomial's parts, one vector each. */
struct tern_neon_poly {
    int16x8_t limit, shift, mul, out, c[8];
};

TERN_INLINE struct tern_neon_poly tern_neon_poly_of(const struct tern_poly *poly)
{
    struct tern_neon_poly p;
    p.limit = vdupq_n_s16(poly->limit);
    p.shift = vdupq_n_s16(poly->shift);
    p.mul = vdupq_n_s16(poly->mul);
    p.out = vdupq_n_s16(poly->out);
    TERN_UNROLL
    for (int k = 0; k < 8; k++)
        p.c[k] = vdupq_n_s16(poly->c[k]);
    return p;
}

/* tern_poly_eval of `count` vectors, in step: Horner's chain of 16 dependent instructions would leave an in-order core
   waiting. |-32768| saturates to 32767, which limit cuts as it would cut 32768. */
TERN_INLINE void tern_neon_poly_eval(const int16x8_t *y, int16x8_t *h, int count, const struct tern_neon_poly *p)
{
    int16x8_t x[4];
    TERN_UNROLL
    for (int i = 0; i < count; i++) {
        int16x8_t u = vshlq_s16(vminq_s16(vqabsq_s16(y[i]), p->limit), p->shift);
        int16x8_t w = vqaddq_s16(u, vqrdmulhq_s16(u, p->mul));
        x[i] = vsubq_s16(w, vsubq_s16(vdupq_n_s16(32767), w));
        h[i] = p->c[7];
    }
    TERN_UNROLL
    for (int k = 6; k >= 0; k--) {
        TERN_UNROLL
        for (int i = 0; i < count; i++)
            h[i] = vqaddq_s16(vqrdmulhq_s16(h[i], x[i]), p->c[k]);
    }
}

/* An activation of n values in place, four vectors in step, then vector by vector, then one by one: `of` makes it from
   a vector of y and its polynomial h, `of1` from one value. */
typedef int16x8_t tern_neon_activation_fn(int16x8_t y, int16x8_t h, const struct tern_neon_poly *p);

TERN_INLINE void tern_neon_activate_some(int16_t *y, int count, const struct tern_neon_poly *p,
                                         tern_neon_activation_fn *of)
{
    int16x8_t v[4], h[4];
    TERN_UNROLL
    for (int i = 0; i < count; i++)
        v[i] = vld1q_s16(y + 8 * i);
    tern_neon_poly_eval(v, h, count, p);
    TERN_UNROLL
    for (int i = 0; i < count; i++)
        vst1q_s16(y + 8 * i, of(v[i], h[i], p));
}

TERN_INLINE void tern_neon_activate(int16_t *y, const struct tern_poly *poly, int n, tern_neon_activation_fn *of,
                                    int16_t (*of1)(int16_t y, const struct tern_poly *poly))
{
    struct tern_neon_poly p = tern_neon_poly_of(poly);
    int j = 0;
    for (; j + 32 <= n; j += 32)
        tern_neon_activate_some(y + j, 4, &p, of);
    for (; j + 8 <= n; j += 8)
        tern_neon_activate_some(y + j, 1, &p, of);
    for (; j < n; j++)
        y[j] = of1(y[j], poly);
}

/* tern_exp2 of eight: a shift of at most 31 clears a 16-bit lane, as the reference's case above 15 does, since 2^-x >
 * 0.
 */
TERN_INLINE int16x8_t tern_neon_exp2(int16x8_t t)
{
    int16x8_t x = vshlq_n_s16(vandq_s16(t, vdupq_n_s16(1023)), 5);
    int16x8_t e = vaddq_s16(vdupq_n_s16(TERN_EXP2_C2), vqrdmulhq_s16(x, vdupq_n_s16(TERN_EXP2_C3)));
    e = vaddq_s16(vdupq_n_s16(TERN_EXP2_C1), vqrdmulhq_s16(e, x));
    e = vaddq_s16(vdupq_n_s16(TERN_EXP2_C0), vqrdmulhq_s16(e, x));
    return vshlq_s16(e, vnegq_s16(vshrq_n_s16(t, 10)));
}

#endif
