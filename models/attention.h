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
    int8_t *p;             /* [2 * ROWS][longest rounded up to 4]: high factors of all rows, then low ones */
    int32_t *acc;          /* [2 * ROWS][head_dim rounded up to 16] */
    int8_t *edge;          /* [2][longest rounded up to 4]: factors of a row that does not see all keys of its block */
    struct tern_row *row;  /* [ROWS] */
    struct tern_row_scale *scale;
    /* Of models with biases or distances: */
    int32_t *biased, *none;                /* [longest rounded up to 16] a row of scores with its biases; zeros */
    int16_t *one;                          /* the largest multipliers */
    struct tern_distance_scratch distance; /* of models with disentangled attention */
};

struct tern_attention {
    const struct tern_ops *ops;
    struct tern_pool *pool;
    struct tern_attention_scratch *scratch; /* [threads] */
    struct tern_profile *profile;           /* [threads], or NULL */
    const struct tern_config *config;
    const struct tern_position_table *table; /* [config->n_tables] */
};

/* Takes what texts of up to `longest` tokens need in any layer; run once to count and once to hand out
   (runtime/base/arena.h). */
void tern_attention_plan(struct tern_attention *a, struct tern_arena *arena, const struct tern_config *config,
                         int longest);

/* context = softmax(query key^T / sqrt(head_dim)) value for every text and head, over the keys that the layer's window
   lets each token see, with what the layer's positions add to the scores. query, key, value, context are [tokens][heads
   * head_dim] with a head's columns side by side. No overlap. `weights` are the layer's. */
void tern_attention_run(const struct tern_attention *a, const struct tern_layer_spec *layer,
                        const struct tern_layer *weights, const int16_t *query, const int16_t *key,
                        const int16_t *value, int16_t *context, const tern_batch *batch);

#endif
