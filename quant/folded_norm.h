/* What becomes of a LayerNorm's gamma and beta: the matrices behind it read its row before both. Host side. */
#ifndef TERN_FOLDED_NORM_H
#define TERN_FOLDED_NORM_H

#include "quant/store.h"

/* The LayerNorm of the float model that is folded into the matrices with that input; NULL: none is, they read what the
   float model's do. */
const struct tern_f32_norm *tern_folded_norm(const struct tern_source *source, const struct tern_f32_weights *weights,
                                             int layer, enum tern_layer_input input);
/* n[rows][hidden] of the norm's output y = gamma n + beta (models/scheme.h); where gamma is 0 n plays no part and is
   0. */
void tern_before_affine(float *n, const struct tern_f32_norm *norm, const float *y, int rows, int hidden);

#endif
