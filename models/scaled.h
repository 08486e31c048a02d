/* Rows of 32 bits that have an exponent each: what flows through layers whose norms only scale and shift. Nothing
   bounds such rows before a text is seen, so no unit can be known at conversion, as models/scheme.h has it for all
   others. */
#ifndef TERN_SCALED_H
#define TERN_SCALED_H

#include "models/linear.h"

/* Number j of row i is v[i * ld + j] * 2^exp[i]. */
struct tern_scaled {
    int32_t *v, *exp;
    ptrdiff_t ld;
};
/* The exponent of rows that are all 0: below every other by more than any shift. */
enum { TERN_SCALED_ZERO = -(1 << 24) };

/* The exponent of a row behind the op narrow, which returned `up`. */
static inline int32_t tern_narrowed(int32_t exp, int up)
{
    return up < 0 ? TERN_SCALED_ZERO : exp - up;
}

/* Of a row of x with that exponent, and the exponent of what `adds` says is added to it. */
struct tern_scaled_scale tern_scaled_scale_of(const struct tern_linear *w, struct tern_row row, int32_t exp,
                                              int32_t added, int adds);
/* x[n] = v[n] * 2^-shift, rounded, within +-32767; shift 0 and more. */
void tern_scaled_shift(const int32_t *v, int16_t *x, int32_t shift, int n);

#endif
