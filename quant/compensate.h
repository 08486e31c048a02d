/* Error compensation: the weights that stay are chosen anew, so that a layer's outputs change least. Host side only:
   floats. */
#ifndef TERN_COMPENSATE_H
#define TERN_COMPENSATE_H

#include "quant/threaded_gemm.h"

struct tern_compensation {
    const struct tern_host *host;
    const float *moments; /* [k][k] second moments of the inputs, symmetric and positive definite */
    const float *target;  /* [n][k] the weights whose outputs are wanted */
    const uint8_t *keep;  /* [n][k] 0: this weight stays 0 */
    int n, k;
    float *scratch; /* tern_compensation_scratch floats, aligned for doubles */
};
size_t tern_compensation_scratch(int n, int k);

/* Brings w[n][k], 0 where nothing is kept, towards the weights of least error E = (w - target) moments (w - target)^T,
   summed over the rows: at most `steps` steps (0: none), until one gains less than `least` of the error that is left.
   Returns the error. The result depends on the ISA (gemm_f32), not on the threads. */
double tern_compensate(const struct tern_compensation *c, float *w, int steps, double least);

#endif
