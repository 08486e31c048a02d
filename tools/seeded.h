/* Models of a known shape with seeded weights, made in memory: speed can be measured with no checkpoint at hand. */
#ifndef TERN_SEEDED_H
#define TERN_SEEDED_H

#include "models/config.h"
#include "simd/codebook.h"

/* The shape's name, 0 .. ; NULL behind the last. */
const char *seeded_name(int shape);
/* The index of a name, -1 when there is none. */
int seeded_find(const char *name);
/* Builds it; free(*bytes) after closing the model. `sparse`: as that of tern_convert_options, NULL: dense. `progress`
   may be NULL. */
tern_status seeded_build(tern_model **out, void **bytes, int shape, enum tern_weights weights,
                         enum tern_format embeddings, const char *sparse,
                         void (*progress)(void *context, size_t done, size_t total), tern_error *err);

#endif
