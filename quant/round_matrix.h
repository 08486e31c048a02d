/* What quantising makes of a matrix of a float model. Host side. */
#ifndef TERN_ROUND_MATRIX_H
#define TERN_ROUND_MATRIX_H

#include "quant/lowbit.h"

/* w[n][k] (gamma[k] folded in meanwhile, NULL: none) to what the coding makes of it; where gamma is 0 it stays.
   scratch holds tern_round_matrix_scratch(k and the coding's copies) floats. */
void tern_round_matrix(const struct tern_coding *coding, float *w, int n, int k, const float *gamma, float *scratch);
size_t tern_round_matrix_scratch(size_t all);

/* Conversion folds the norm's beta into the bias by the weights as they were (quant/quantize_weights.c), so only
   what reads the norm's n sees the rounded ones. Here the matrix reads gamma n + beta: what rounding makes of beta
   comes off the bias. */
void tern_mend_bias(float *b, const float *w, const float *kept, int n, int k, const float *beta);

#endif
