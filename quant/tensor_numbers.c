/* Reads numbers of all the types that a checkpoint's tensors may have. */
#include "quant/tensor_numbers.h"

#include "runtime/base/half.h"

#include <math.h>
#include <string.h>

/* bfloat16 is binary32's upper half. */
static float from_bf16(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void tern_tensor_floats(float *out, const struct tern_tensor *t, size_t count)
{
    const uint8_t *data = t->data;

    if (t->dtype == TERN_F32) {
        memcpy(out, data, count * sizeof out[0]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, data + 2 * i, sizeof half);
        out[i] = t->dtype == TERN_F16 ? tern_from_half(half) : from_bf16(half);
    }
}

double tern_tensor_number(const struct tern_tensor *t, size_t i)
{
    const size_t bytes = tern_dtype_bytes(t->dtype);
    union {
        uint16_t u16;
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
    } is;
    memcpy(&is, (const uint8_t *)t->data + i * bytes, bytes);
    switch (t->dtype) {
    case TERN_F32: return (double)is.f32;
    case TERN_F16: return (double)tern_from_half(is.u16);
    case TERN_BF16: return (double)from_bf16(is.u16);
    case TERN_F64: return is.f64;
    case TERN_I64: return (double)is.i64;
    case TERN_I32: return is.i32;
    case TERN_I16: return is.i16;
    case TERN_I8: return is.i8;
    case TERN_U8:
    case TERN_BOOL: return (uint8_t)is.i8;
    }
    return NAN;
}

double tern_rounded_to(enum tern_dtype dtype, double number)
{
    const int digits = dtype == TERN_BF16 ? 8 : dtype == TERN_F16 ? 11 : dtype == TERN_F32 ? 24 : 53;
    int exponent;
    const double fraction = frexp(number, &exponent); /* 0.5 <= |fraction| < 1 */
    return ldexp(rint(ldexp(fraction, digits)), exponent - digits);
}
