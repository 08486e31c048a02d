/* Linear attention: softmax's weights are replaced by products of features, which are never there for pairs of tokens,
   so that time and memory grow with a text's length and not with its square.

     out_i = phi(q_i)^T S / phi(q_i)^T z    S = sum over j of phi(k_j) v_j^T    z = sum over j of phi(k_j)

   With elu phi(x) = elu(x) + 1, with relu max(x, 0), each of a head's d dimensions; with cosformer those of relu twice,
   times cos(pi i / 2 n) and times sin(pi i / 2 n), where i = 1 .. n is the token's place in its text. Queries have no
   scale. Where all products are 0, so is the answer. */
#ifndef TERN_LINEAR_ATTENTION_H
#define TERN_LINEAR_ATTENTION_H

#include "models/attention.h"

/* What one thread needs. D: features of a head; d: its dimensions, d16 these rounded up to 16. */
struct tern_linear_scratch {
    int16_t *wave;                /* [longest + 1] sines of a quarter turn in so many steps */
    int wave_tokens;              /* steps of what `wave` holds; 0: nothing */
    int16_t *cosine;              /* [tokens of a block] */
    int16_t *feature;             /* [tokens of a block][D] of cosformer */
    int8_t *rows;                 /* [D][tokens of a block] features of keys, turned */
    int8_t *values;               /* panels of a block */
    int32_t *product;             /* [D or ROWS][d16] */
    int32_t *sum;                 /* [D][d16] S */
    int32_t *z;                   /* [D] */
    int16_t *z16;                 /* [D] */
    int32_t *column;              /* [d16] sums of values */
    int16_t *mean;                /* [D][d] what the values' mean under each feature is above their mean */
    int8_t *means;                /* its panels */
    int16_t *bias;                /* [d16] */
    int16_t *mul;                 /* [d16] the largest multipliers */
    int32_t *left;                /* [d16] ones */
    int8_t *query;                /* [ROWS][D rounded up to 4] weights of features */
    int8_t *ones;                 /* [D] */
    int32_t *weight;              /* [ROWS] their sums */
    struct tern_row *row;         /* [ROWS] */
    struct tern_row_scale *scale; /* [D or ROWS] */
};

/* As tern_attention_plan, for models that have such layers. */
void tern_linear_attention_plan(struct tern_attention *attention, struct tern_arena *arena,
                                const struct tern_config *config, int longest);
/* As tern_attention_run, of a layer whose attention is linear; queries and keys become features in place. */
void tern_linear_attention_run(const struct tern_attention *attention, const struct tern_layer_spec *layer,
                               const struct tern_layer *weights, int16_t *query, int16_t *key, const int16_t *value,
                               int16_t *context, const tern_batch *batch);

/* sin(pi i / 2 n) in 2^-15, 0 <= i <= n <= TERN_MAX_POSITIONS, within a unit: 32767 for 1. */
int16_t tern_quarter_sine(int i, int n);
/* The feature map of numbers within +-amax, whose largest features it brings to 15 bits: elu's, or relu's for NULL. */
struct tern_phi tern_phi_of(const struct tern_elu *elu, int32_t amax);

#endif
