/* The encoder in integers: from token ids to the last layer's states, for every model that struct tern_config
 * describes.
 */
#ifndef TERN_MODELS_BERT_H
#define TERN_MODELS_BERT_H

#include "models/attention.h"

/* Sees the rows on their way through each layer. With one thread. */
struct tern_row_observer {
    /* x[k] that becomes an int8 row of an input. NULL: nobody looks. */
    void (*input)(void *context, int layer, enum tern_layer_input input, const int16_t *x, int k);
    /* out[n] of a matrix that ends in 16 bits. */
    void (*output)(void *context, int layer, enum tern_matrix matrix, const int16_t *out, int n);
    /* sum[n] of the stream y << up and what a matrix adds to it. */
    void (*sum)(void *context, int layer, enum tern_matrix matrix, const int32_t *sum, const int16_t *y, int up, int n);
    /* added[n] that a matrix adds to stream[n] >> down. */
    void (*added)(void *context, int layer, enum tern_matrix matrix, const int32_t *added, const int32_t *stream,
                  int down, int n);
    void *context;
};

struct tern_bert {
    const struct tern_config *config;
    const struct tern_int8_weights *weights;
    struct tern_runner run;
    struct tern_attention attention;
    int max_tokens, longest; /* of all texts of a run; of one text */
    int ffn_width;           /* neurons of every feed-forward layer that are run, the first ones; 0: all */
    struct tern_row_observer observer;

    /* The states, [tokens][...]; y and x are the forward pass's result. */
    int16_t *y;      /* [hidden] residual stream, in units of the last norm; where layers normalise what they read, what
                        the last norm gave */
    int32_t *stream; /* [hidden] the residual stream of such layers; others have none */
    const int16_t *zero; /* [hidden] */
    struct tern_rows x;  /* [hidden] the last norm's n as int8 (models/scheme.h) */
    int8_t *x_q;         /* what x points to, writable */
    struct tern_row *x_row;
    int16_t *n16;   /* [threads][rows of a task][hidden] the last norm's n, before it becomes int8 */
    int16_t *gates; /* [tokens][most heads] of layers with gated attention */
    /* Of layers with norms in front of attn_out and ffn_down: [threads][sub_width] a row that is normalised, and its n.
     */
    int32_t *sub_sum;
    int16_t *sub_n16;
    ptrdiff_t sub_width;
    int8_t *word; /* [threads][word_bytes] a word's row, unpacked with what shares its block */
    int word_bytes;
    /* Between the norms. query .. global share their memory with `wide`. */
    int32_t *sum; /* [hidden] */
    int16_t *query, *key, *value, *context;
    int16_t *global[3];   /* queries, keys and values of global tokens; [0]: only these tokens' rows */
    int16_t *wide, *gate; /* [intermediate]; gate: what multiplies `wide`, of layers with a gate */
    int8_t *wide_q;       /* [wide_ld] intermediate and copies, rounded up to 64 */
    ptrdiff_t wide_ld;
    struct tern_row *wide_row;
};

/* Takes the buffers; config, weights, run.ops, run.pool, max_tokens and longest are set before. */
void tern_bert_plan(struct tern_bert *bert, struct tern_arena *arena);
/* A word's row, unpacked for that thread when it is stored as codes. */
const int8_t *tern_word_row(const struct tern_bert *bert, int word, int thread);
/* The batch has been checked against the limits. */
void tern_bert_forward(struct tern_bert *bert, const tern_batch *batch);

#endif
