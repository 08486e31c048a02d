/* What a layer's inputs say about its weights' errors: their second moments, and the factor that error compensation
   wants. Host side only. */
#ifndef TERN_SECOND_ORDER_H
#define TERN_SECOND_ORDER_H

#include "quant/lapack.h"
#include "quant/lowbit.h"

/* Upper triangle, by columns, of the sum of x x^T over all rows x[k] seen. */
struct tern_moments {
    float *sum; /* [k][k], zeroed by whoever makes it */
    int k;
};

/* Adds rows[n][k]. */
void tern_moments_add(struct tern_moments *m, const struct tern_lapack *lapack, const float *rows, int n);

/* What is added to each input's own moment, of which `mean` is the mean: `share` of it keeps the inverse bounded where
   inputs say little. */
static inline double tern_damping(double mean, double share)
{
    return mean > 0 ? share * mean : 1;
}

/* moment[k], order[k] and factor[k][k] of tern_second_order, and the inverse[k][k] of the damped moments (NULL: it is
   not wanted). scratch holds k * k
   doubles. 0, or -1 when the moments are not finite or have no factor. */
int tern_second_order_make(const struct tern_moments *m, const struct tern_lapack *lapack, float *moments,
                           int32_t *order, float *factor, float *inverse, double *scratch);

#endif
