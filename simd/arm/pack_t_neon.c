/* Turns quantised tokens into rows with NEON, 8 tokens x 8 columns at a time, by three steps of trn. Tokens past m read
   a row of zeros. Sums are added up before, a column to a lane. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif

#include "simd/arm/neon.h"

#include <string.h>

/* 258 tokens of 127 fit a lane of 16 bits. */
enum { STEP = 8, AT_ONCE = 256 };

/* r[token] of eight columns to r[column] of eight tokens. */
TERN_INLINE void turn8(int8x8_t *r)
{
    TERN_UNROLL
    for (int i = 0; i < 8; i += 2) {
        const int8x8x2_t t = vtrn_s8(r[i], r[i + 1]);
        r[i] = t.val[0], r[i + 1] = t.val[1];
    }
    TERN_UNROLL
    for (int i = 0; i < 8; i++) {
        if (i & 2)
            continue;
        const int16x4x2_t t = vtrn_s16(vreinterpret_s16_s8(r[i]), vreinterpret_s16_s8(r[i + 2]));
        r[i] = vreinterpret_s8_s16(t.val[0]), r[i + 2] = vreinterpret_s8_s16(t.val[1]);
    }
    TERN_UNROLL
    for (int i = 0; i < 4; i++) {
        const int32x2x2_t t = vtrn_s32(vreinterpret_s32_s8(r[i]), vreinterpret_s32_s8(r[i + 4]));
        r[i] = vreinterpret_s8_s32(t.val[0]), r[i + 4] = vreinterpret_s8_s32(t.val[1]);
    }
}

TERN_INLINE int16x8_t turn(const int16_t *x, ptrdiff_t ld_x, struct tern_neon_s8_scale s, int8_t *b, ptrdiff_t ld_b,
                           int rows, int16x8_t sum)
{
    static const int16_t zeros[STEP];
    int8x8_t r[STEP];
    TERN_UNROLL
    for (int i = 0; i < STEP; i++) {
        r[i] = tern_neon_to_s8(vld1q_s16(i < rows ? x + i * ld_x : zeros), s);
        sum = vaddw_s8(sum, r[i]);
    }
    turn8(r);
    TERN_UNROLL
    for (int j = 0; j < STEP; j++) {
        if (rows > STEP / 2)
            vst1_s8(b + j * ld_b, r[j]);
        else
            memcpy(b + j * ld_b, &r[j], STEP / 2);
    }
    return sum;
}

void tern_pack_t_neon(const int16_t *x, ptrdiff_t ld_x, struct tern_s8_scale scale, int8_t *b, ptrdiff_t ld_b,
                      int32_t *sum, int m, int n)
{
    const struct tern_neon_s8_scale s = tern_neon_s8_scale_of(scale);
    int j = 0;
    for (; j + STEP <= n; j += STEP)
        for (int first = 0; first < m; first += AT_ONCE) {
            int16x8_t all = vdupq_n_s16(0);
            for (int i = first; i < m && i < first + AT_ONCE; i += STEP)
                all = turn(x + i * ld_x + j, ld_x, s, b + j * ld_b + i, ld_b, m - i, all);
            vst1q_s32(sum + j, vaddw_s16(vld1q_s32(sum + j), vget_low_s16(all)));
            vst1q_s32(sum + j + 4, vaddw_high_s16(vld1q_s32(sum + j + 4), all));
        }
    if (j < n)
        tern_pack_t_ref(x + j, ld_x, scale, b + j * ld_b, ld_b, sum + j, m, n - j);
}
