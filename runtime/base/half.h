/* Numbers of 16 bits. Base layer. */
#ifndef TERN_HALF_H
#define TERN_HALF_H

#include <stdint.h>
#include <string.h>

/* Exact: every binary16 number is a binary32 number. */
static inline float tern_from_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    uint32_t bits;
    float value;

    if (exponent == 0) { /* zero and subnormals: fraction * 2^-24, no rounding in 24 bits */
        value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
