/* MobileBERT's bottlenecks and NoNorms, gamma x + beta, as far as they lie between two linear maps: a conversion
   multiplies them into the matrices. */
#ifndef TERN_BOTTLENECK_H
#define TERN_BOTTLENECK_H

#include "quant/checkpoint.h"

/* The width of what the checkpoint's matrix of a part reads, where it is that of a bottleneck; else 0. */
int32_t tern_bottleneck_width(const struct tern_config *config, struct tern_key key);
/* Checks the tensors that are multiplied into a part, and marks them as used. TERN_FORMAT: one is missing, or of
   another shape. */
tern_status tern_bottleneck_check(const struct tern_checkpoint *checkpoint, struct tern_key key, uint8_t *used,
                                  const char *path, tern_error *err);
/* Whether something is multiplied into that weight or bias. */
int tern_bottleneck_is_in(const struct tern_config *config, struct tern_key key);
/* out[count] of such a one, from the checkpoint's own tensors. */
tern_status tern_bottleneck_read(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out,
                                 size_t count, tern_error *err);

#endif
