/* The numbers of a checkpoint's tensors, whatever their type. The file gives no alignment. */
#ifndef TERN_TENSOR_NUMBERS_H
#define TERN_TENSOR_NUMBERS_H

#include "models/safetensors.h"

/* out[count] = the tensor's first numbers, exactly. Its type is TERN_F32, TERN_F16 or TERN_BF16. */
void tern_tensor_floats(float *out, const struct tern_tensor *tensor, size_t count);
/* Number i, which must be there; exact but for integers beyond 2^53. */
double tern_tensor_number(const struct tern_tensor *tensor, size_t i);
/* `number` as a tensor of that type holds it: 257 is 256 in TERN_BF16. Only the types of floats round. */
double tern_rounded_to(enum tern_dtype dtype, double number);

#endif
