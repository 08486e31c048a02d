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

/* Rounded to the nearest, of two that are as near to the even one; what is too large becomes infinite. */
static inline uint16_t tern_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size >= 0x7f800000) /* infinite, or no number, which stays none */
        return (uint16_t)(sign | 0x7c00 | (size > 0x7f800000 ? 0x200 | (size >> 13 & 0x3ff) : 0));
    if (size >= 0x477ff000) /* 65520, half way to what would be 2^16 */
        return (uint16_t)(sign | 0x7c00);
    if (size < 0x33000000) /* below 2^-25 */
        return (uint16_t)sign;
    const uint32_t exponent = size >> 23, fraction = (size & 0x7fffff) | 0x800000;
    /* Below 2^-14 numbers are multiples of 2^-24. */
    const uint32_t shift = exponent < 113 ? 126 - exponent : 13;
    const uint32_t whole = fraction >> shift, rest = fraction & ((1u << shift) - 1), half = 1u << (shift - 1);
    const uint32_t up = rest > half || (rest == half && (whole & 1));
    const uint32_t base = exponent < 113 ? 0 : (exponent - 113) << 10;
    return (uint16_t)(sign | (base + whole + up));
}

#endif
