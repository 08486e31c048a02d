/* Static embeddings: a table of vectors, of which a text's is the mean of its tokens'. There are no layers. */
#ifndef TERN_STATIC_H
#define TERN_STATIC_H

#include "models/heads.h"

struct tern_arena;

/* What the sums of a text need. */
void tern_static_plan(struct tern_heads *heads, struct tern_arena *arena);
/* out[hidden]: the mean of the vectors of ids[tokens] but the first `skip`, of which one stays, in units of
   2^-(static bits of the weights); 0 of a text without tokens.
     sum[j] = the sum of q[id][j] * mul[id]
     out[j] = sum[j] * column[j] * unit / tokens, rounded to the nearest (halves up) from 8 guard bits */
void tern_static_mean(const struct tern_heads *heads, const int32_t *ids, int tokens, int32_t *out);

#endif
