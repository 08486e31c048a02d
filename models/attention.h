/* Multi-head self-attention over ragged texts, in integers. */
#ifndef TERN_ATTENTION_H
#define TERN_ATTENTION_H

#include "models/distances.h"
#include "models/weights.h"
#include "runtime/base/arena.h"

/* Query rows that one block of scores holds: 32 rows of 512 scores are 64 KiB, half of a small L2. */
enum { TERN_ATTENTION_ROWS = 32 };

/* What one thread needs: see tern_attention_plan. */
struct tern_attention_scratch {
    int8_t *keys, *values; /* panels of one head */
    int8_t *query;         /* [ROWS][ld_query] */
    int32_t *score;        /* [ROWS][longest rounded up to 16] */
    int8_t *p;    /* [2 * ROWS][longest rounded up to 4, and 4 more]: high factors of all rows, then low ones */
    int32_t *acc; /* [2 * ROWS][head_dim rounded up to 16] */
    int8_t *edge; /* [2][longest rounded up to 4]: factors of a row that does not see all keys of its block */
    /* Of models whose queries see keys that do not lie one behind the other: keys and values [longest][head_dim], and
       [longest] the scores of what a row sees of them. */
    int16_t *gathered[2];
    int32_t *seen;
    struct tern_row *row; /* [ROWS] */
    struct tern_row_scale *scale;
    /* Of models with biases or distances, [longest rounded up to 16] each: */
    int32_t *biased, *none;                /* a row of scores with its biases; zeros */
    int16_t *one, *zero;                   /* the largest multipliers; zeros */
    int32_t *ramp;                         /* [2 * longest] of ALIBI: what distances add to scores */
    struct tern_distance_scratch distance; /* of models with disentangled attention */
};

struct tern_linear_scratch;

struct tern_attention {
    const struct tern_ops *ops;
    struct tern_pool *pool;
    struct tern_attention_scratch *scratch; /* [threads] */
    struct tern_linear_scratch *linear;     /* [threads], of layers whose attention is linear */
    struct tern_profile *profile;           /* [threads], or NULL */
    const struct tern_config *config;
    const struct tern_position_table *table; /* [config->n_tables] */
    /* [texts] The last so many tokens of a text see the others, and no token sees them: fewer than it has, in layers
       that see whole texts. NULL: none. */
    const int32_t *unseen;
    int first_only;     /* 1: of each text the first tokens' contexts alone need be there */
    const int32_t *exp; /* [tokens] exponents of the units of scores; NULL: all are 0 */
};

/* Takes what texts of up to `longest` tokens need in any layer; run once to count and once to hand out
   (runtime/base/arena.h). */
void tern_attention_plan(struct tern_attention *a, struct tern_arena *arena, const struct tern_config *config,
                         int longest);

/* [tokens][heads * head_dim] each, with a head's columns side by side. */
struct tern_attended {
    const int16_t *query, *key, *value;
};

/* context = softmax(query key^T / sqrt(head_dim)) value for every text and head, over the keys that each token sees
   (models/seen.h), with what the layer's positions add to the scores; of a text's global token by `global`, which is
   read only where the layer has one, and there of queries only those tokens'. context is as these are. No overlap.
   `weights` are the layer's. */
void tern_attention_run(const struct tern_attention *a, const struct tern_layer_spec *layer,
                        const struct tern_layer *weights, const struct tern_attended *local,
                        const struct tern_attended *global, int16_t *context, const tern_batch *batch);

/* Whether every token of a layer sees only those near it, in which case tern_attention_run_windows takes it. */
int tern_attention_in_windows(const struct tern_layer_spec *layer);
/* The same for blocks of TERN_ATTENTION_ROWS tokens of each text, those whose first token is in [first, last): of the
   others, queries, keys and values need be there only as far as the window reaches. */
void tern_attention_run_windows(const struct tern_attention *a, const struct tern_layer_spec *layer,
                                const struct tern_layer *weights, const struct tern_attended *local, int16_t *context,
                                const tern_batch *batch, int first, int last);

#endif
