/* Loads the kernels of convolutions over tokens (models/span_conv.h). */
#ifndef TERN_LOAD_KERNELS_H
#define TERN_LOAD_KERNELS_H

#include "models/load.h"
#include "models/weights.h"

/* Kernels [taps][columns]: so many times the largest as there are taps fit 16 bits. */
const int16_t *tern_load_depth(struct tern_loader *loader, const char *name, struct tern_shape shape);
/* Kernels [heads][taps] of values, which together with the context's own 2^bits are at most 2^15. */
void tern_load_value_kernels(struct tern_loader *loader, struct tern_layer *layer, const char *name,
                             struct tern_shape shape);

#endif
