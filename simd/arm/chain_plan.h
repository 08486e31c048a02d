/* How the k steps of a row are divided into chains (chains.h) whose sums fit 16 bits whatever the weights are: the
   magnitudes of the activations that meet in a lane may add up to 32,767 / GEMM_BOUND. They are added as bytes that
   saturate, each divided by 1, 2 or 4 and rounded up as the bound allows. All that is found once for all panels. */
#ifndef TERN_ARM_CHAIN_PLAN_H
#define TERN_ARM_CHAIN_PLAN_H

#include "simd/arm/chains.h"

#include <string.h>

enum { HALVINGS = GEMM_BOUND > 63 ? 0 : GEMM_BOUND > 31 ? 1 : 2 };
enum { MOST_SUM = 254 };
enum { UNIT_BYTES = UNIT * TERN_PANEL_K, UNITS = 4 /* looked at together */ };
enum { MOST_K = 133144, CODES = 4352 };

_Static_assert((MOST_SUM << HALVINGS) * GEMM_BOUND <= INT16_MAX, "the products of a chain fit 16 bits");
_Static_assert(2 * 127 * GEMM_BOUND <= INT16_MAX, "the products of two steps fit 16 bits");
_Static_assert(GEMM_BOUND > 63 || 4 * 127 * GEMM_BOUND <= INT16_MAX, "and with 63 those of four");
_Static_assert(GEMM_BOUND > 31 || 6 * 127 * GEMM_BOUND <= INT16_MAX, "and with 31 those of six");

TERN_INLINE uint8x16_t part_of(uint8x16_t x)
{
    TERN_UNROLL
    for (int i = 0; i < HALVINGS; i++)
        x = vrhaddq_u8(x, vdupq_n_u8(0));
    return x;
}

/* Sums of the magnitudes of a unit's chains: of four bytes each the largest for chains of 3, 4, 6 and 12 steps. */
TERN_INLINE uint8x16_t chain_sums(const int8_t *a)
{
    const uint32x4x3_t v = vld3q_u32((const uint32_t *)(const void *)a); /* step 3 * lane + which */
    uint8x16_t x[3];
    TERN_UNROLL
    for (int i = 0; i < 3; i++)
        x[i] = part_of(vreinterpretq_u8_s8(vabsq_s8(vreinterpretq_s8_u32(v.val[i]))));
    const uint8x16_t low = vqaddq_u8(x[0], x[1]), high = vqaddq_u8(x[1], x[2]), three = vqaddq_u8(low, x[2]);
    const uint8x16_t six = vqaddq_u8(three, vreinterpretq_u8_u32(vrev64q_u32(vreinterpretq_u32_u8(three))));
    const uint8x16_t twelve = vqaddq_u8(six, vextq_u8(six, six, 8));
    /* Steps 0 to 3 in lane 0 of the first, 8 to 11 in lane 3 of the last, 4 to 7 in lane 1 of the other. */
    const uint8x16_t first = vqaddq_u8(three, vextq_u8(x[0], x[0], 4));
    const uint8x16_t last = vqaddq_u8(three, vextq_u8(x[2], x[2], 12));
    const uint8x16_t middle = vqaddq_u8(high, vextq_u8(low, low, 4));
    static const uint32_t lane[4] = {0, UINT32_MAX, 0, 0}, upper[4] = {0, 0, UINT32_MAX, UINT32_MAX};
    const uint8x16_t four = vbslq_u8(vreinterpretq_u8_u32(vld1q_u32(lane)), middle,
                                     vbslq_u8(vreinterpretq_u8_u32(vld1q_u32(upper)), last, first));
    return vpmaxq_u8(vpmaxq_u8(three, four), vpmaxq_u8(six, twelve));
}

/* Kinds of chains before the one that always fits; bytes that saturate may deny it. */
enum { KINDS = GEMM_BOUND > 63 ? 4 : GEMM_BOUND > 31 ? 2 : 1 };

/* The codes of four units. Of a unit's four bytes the highest is that of the longest chains, so that as many zero bits
   lead as kinds of chains do not fit, times eight. */
TERN_INLINE void four_codes(const int8_t *a, uint8_t *code)
{
    const uint8x16_t low = vpmaxq_u8(chain_sums(a), chain_sums(a + UNIT_BYTES)),
                     high = vpmaxq_u8(chain_sums(a + 2 * UNIT_BYTES), chain_sums(a + 3 * UNIT_BYTES));
    const uint8x16_t fits = vcleq_u8(vpmaxq_u8(low, high), vdupq_n_u8(MOST_SUM));
    const uint32x4_t kind = vminq_u32(vshrq_n_u32(vclzq_u32(vreinterpretq_u32_u8(fits)), 3), vdupq_n_u32(KINDS));
    const uint16x4_t bit = vmovn_u32(vshrq_n_u32(vshlq_u32(vdupq_n_u32(1), vreinterpretq_s32_u32(kind)), 1));
    const uint8x8_t codes = vmovn_u16(vcombine_u16(bit, bit));
    const uint32_t four = vget_lane_u32(vreinterpret_u32_u8(codes), 0);
    memcpy(code, &four, sizeof four);
}

/* Whether the products of four steps fit. */
TERN_INLINE int fits_four(const int8_t *a)
{
    uint8x16_t x = part_of(vreinterpretq_u8_s8(vabsq_s8(vld1q_s8(a))));
    x = vqaddq_u8(x, vreinterpretq_u8_u32(vrev64q_u32(vreinterpretq_u32_u8(x))));
    x = vqaddq_u8(x, vextq_u8(x, x, 8));
    return vmaxvq_u32(vreinterpretq_u32_u8(vcgtq_u8(x, vdupq_n_u8(MOST_SUM)))) == 0;
}

/* Codes of a row: of its units, END, one for each four steps that are left. */
TERN_INLINE int codes_of(int k4)
{
    return k4 / UNIT + 1 + k4 % UNIT / 4;
}

static void find_codes(const int8_t *a, int k4, uint8_t *code)
{
    const int units = k4 / UNIT;
    int i = 0;
    for (; i + UNITS <= units; i += UNITS)
        four_codes(a + (ptrdiff_t)i * UNIT_BYTES, code + i);
    if (i < units) {
        int8_t last[UNITS * UNIT_BYTES] = {0};
        memcpy(last, a + (ptrdiff_t)i * UNIT_BYTES, (size_t)(units - i) * UNIT_BYTES);
        four_codes(last, code + i);
    }
    uint8_t *end = code + units;
    *end = END;
    for (int k = units * UNIT; k + 4 <= k4; k += 4)
        *++end = fits_four(a + (ptrdiff_t)k * TERN_PANEL_K) ? FOURS : TWOS;
}

#endif
