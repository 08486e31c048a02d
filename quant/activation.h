/* Activations as the polynomials that the gelu and tanh ops evaluate (models/scheme.h). */
#ifndef TERN_ACTIVATION_H
#define TERN_ACTIVATION_H

#include "simd/ops.h"

enum tern_bump {
    TERN_BUMP_GELU,
    TERN_BUMP_GELU_NEW,
    TERN_BUMP_IBERT,
    TERN_BUMP_RELU,
    TERN_BUMP_TANH,
    TERN_BUMP_SILU,
    TERN_BUMP_QUICK_GELU
};

/* The polynomial for inputs (and, but for tanh, outputs) in units of `unit` (real value of 1). unit must be at least
   tern_bump_least_unit. */
struct tern_poly tern_poly_make(enum tern_bump bump, double unit);
double tern_bump_least_unit(enum tern_bump bump);

#endif
