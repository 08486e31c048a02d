/* Counts differing bits with NEON: vcnt counts those of each byte. The counts of up to 31 registers are added as bytes,
   8 * 31 < 256, before they are widened. Two rows share the loads of q. */
#ifndef __ARM_NEON
#error "needs NEON"
#endif
#include "simd/arm/neon.h"

enum { STRETCH = 31 * 16 };
_Static_assert(8 * STRETCH / 16 <= UINT8_MAX, "counts fit in bytes");

TERN_INLINE uint8x16_t count(uint8x16_t sum, uint8x16_t q, const uint8_t *x)
{
    return vaddq_u8(sum, vcntq_u8(veorq_u8(q, vld1q_u8(x))));
}

TERN_INLINE uint32x4_t widen(uint32x4_t sum, uint8x16_t counts)
{
    return vpadalq_u16(sum, vpaddlq_u8(counts));
}

/* A sum's lanes, and the rest of the row byte by byte. */
TERN_INLINE int32_t total(uint32x4_t sum, const uint8_t *q, const uint8_t *x, int j, int k)
{
    int32_t bits = vaddvq_s32(vreinterpretq_s32_u32(sum));
    for (; j < k; j++) {
        unsigned d = q[j] ^ x[j];
        d = d - (d >> 1 & 0x55);
        d = (d & 0x33) + (d >> 2 & 0x33);
        bits += (int32_t)((d + (d >> 4)) & 15);
    }
    return bits;
}

void tern_hamming_neon(const uint8_t *q, const uint8_t *x, ptrdiff_t ld_x, int32_t *out, int n, int k)
{
    const int k16 = k / 16 * 16;
    for (int i = 0; i < n; i += 2, x += 2 * ld_x) {
        const uint8_t *second = i + 1 < n ? x + ld_x : x;
        uint32x4_t s0 = vdupq_n_u32(0), s1 = s0;
        for (int j = 0; j < k16;) {
            const int end = j + STRETCH < k16 ? j + STRETCH : k16;
            uint8x16_t c0 = vdupq_n_u8(0), c1 = c0;
            for (; j < end; j += 16) {
                const uint8x16_t bits = vld1q_u8(q + j);
                c0 = count(c0, bits, x + j);
                c1 = count(c1, bits, second + j);
            }
            s0 = widen(s0, c0);
            s1 = widen(s1, c1);
        }
        out[i] = total(s0, q, x, k16, k);
        if (i + 1 < n)
            out[i + 1] = total(s1, q, second, k16, k);
    }
}
