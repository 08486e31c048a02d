/* Normalises rows with NEON, in three passes. s - mean is monotone in s: the largest and the smallest s give max|d|.
   Monotone means that no sum wraps; a row that spreads over 2^30 and more is left to the reference. The second pass
   leaves d16 in y, which the third overwrites. d + half is s - (mean - half): one subtraction. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

/* n <= 8192 squares of at most 2^30 stay far below 2^63, two of them fit in 31 bits. */
_Static_assert(2ll * 32767 * 32767 <= INT32_MAX, "two squares fit in 32 bits");

struct moments {
    int64_t sum;
    int32_t min, max;
};

static struct moments moments_of(const int32_t *s, int n)
{
    int64x2_t sums = vdupq_n_s64(0);
    int32x4_t min = vdupq_n_s32(s[0]), max = min;
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        int32x4_t low = vld1q_s32(s + j), high = vld1q_s32(s + j + 4);
        sums = vpadalq_s32(vpadalq_s32(sums, low), high);
        min = vminq_s32(vminq_s32(min, low), high);
        max = vmaxq_s32(vmaxq_s32(max, low), high);
    }
    struct moments m = {vaddvq_s64(sums), vminvq_s32(min), vmaxvq_s32(max)};
    for (; j < n; j++) {
        m.sum += s[j];
        m.min = s[j] < m.min ? s[j] : m.min;
        m.max = s[j] > m.max ? s[j] : m.max;
    }
    return m;
}

/* Writes d16; returns the sum of its squares. */
static uint64_t scale_down(const int32_t *s, int32_t mean, int shift, int16_t *d16, int n)
{
    int32_t half = shift > 0 ? (int32_t)((1u << shift) >> 1) : 0;
    int32x4_t centre = vdupq_n_s32((int32_t)((uint32_t)mean - (uint32_t)half)), down = vdupq_n_s32(-shift);
    int64x2_t sums = vdupq_n_s64(0);
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        int32x4_t low = vshlq_s32(tern_neon_sub32(vld1q_s32(s + j), centre), down);
        int32x4_t high = vshlq_s32(tern_neon_sub32(vld1q_s32(s + j + 4), centre), down);
        int16x8_t d = vmaxq_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high)), vdupq_n_s16(-32767));
        vst1q_s16(d16 + j, d);
        sums = vpadalq_s32(sums, vmlal_high_s16(vmull_s16(vget_low_s16(d), vget_low_s16(d)), d, d));
    }
    uint64_t sum2 = (uint64_t)vaddvq_s64(sums);
    for (; j < n; j++) {
        d16[j] = tern_layernorm_d16((int32_t)((uint32_t)s[j] - (uint32_t)mean), shift);
        sum2 += (uint64_t)(d16[j] * d16[j]);
    }
    return sum2;
}

struct affine {
    int16x8_t mul, down; /* down: 15 - exp */
    struct tern_neon_rshift exp;
};

/* y from d16 to the output, x to n16. From exp = 16 on 16 bits do: sqdmulh gives floor(p / 2^15) of the product p, and
   floor(floor(p / 2^15) / 2^k) is floor(p / 2^(15 + k)); nothing is below -32767 then. */
TERN_INLINE void affine8(int16_t *y, int16_t *x, const int16_t *gamma, const int16_t *beta, const struct affine *f,
                         const int from_16)
{
    const int16x8_t d = vld1q_s16(y), least = vdupq_n_s16(-32767);
    int16x8_t n16;
    if (from_16) {
        n16 = vrshlq_s16(vqdmulhq_s16(d, f->mul), f->down);
    } else {
        int32x4_t low = vmull_s16(vget_low_s16(d), vget_low_s16(f->mul)), high = vmull_high_s16(d, f->mul);
        n16 = vmaxq_s16(tern_neon_narrow(low, high, f->exp), least);
    }
    vst1q_s16(x, n16);
    vst1q_s16(y, vmaxq_s16(vqaddq_s16(vqrdmulhq_s16(n16, vld1q_s16(gamma)), vld1q_s16(beta)), least));
}

/* The last pass. */
TERN_INLINE void finish_row(struct tern_layernorm_scale unit, const int from_16, const int16_t *gamma,
                            const int16_t *beta, int16_t *y, int16_t *x, int n)
{
    const struct affine f = {vdupq_n_s16(unit.mul), vdupq_n_s16((int16_t)(15 - unit.exp)),
                             tern_neon_rshift_by(unit.exp)};
    int j = 0;
    for (; j + 8 <= n; j += 8)
        affine8(y + j, x + j, gamma + j, beta + j, &f, from_16);
    for (; j < n; j++) {
        x[j] = tern_layernorm_n16(y[j], unit);
        y[j] = tern_max16(tern_adds(tern_mulr(x[j], gamma[j]), beta[j]), -32767);
    }
}

static void norm_row(const int32_t *s, const int16_t *gamma, const int16_t *beta, uint64_t eps, int rms, int16_t *y,
                     int16_t *x, int n)
{
    const struct moments m = moments_of(s, n);
    const int64_t centre = rms ? 0 : tern_floor_div(m.sum + n / 2, n), above = m.max - centre, below = centre - m.min;
    if (above >= 1 << 30 || below >= 1 << 30) {
        tern_layernorm_ref(s, n, gamma, beta, eps, rms, y, x, n, 1, n);
        return;
    }
    const uint32_t dmax = (uint32_t)(above > below ? above : below);
    const int shift = dmax ? tern_layernorm_shift(dmax) : 0;
    const uint64_t sum2 = scale_down(s, (int32_t)centre, shift, y, n);
    struct tern_layernorm_scale unit = {0, 14};
    if (dmax)
        unit = tern_layernorm_scale_of(sum2, eps, shift);
    if (unit.exp >= 16)
        finish_row(unit, 1, gamma, beta, y, x, n);
    else
        finish_row(unit, 0, gamma, beta, y, x, n);
}

void tern_layernorm_neon(const int32_t *s, ptrdiff_t ld, const int16_t *gamma, const int16_t *beta, uint64_t eps,
                         int rms, int16_t *y, int16_t *x, ptrdiff_t ld_x, int m, int n)
{
    for (int i = 0; i < m; i++)
        norm_row(s + i * ld, gamma, beta, eps, rms, y + i * ld, x + i * ld_x, n);
}
