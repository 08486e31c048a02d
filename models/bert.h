/* The encoder in integers: from token ids to the last layer's states. BERT and DistilBERT differ only in their tables.
 */
#ifndef TERN_MODELS_BERT_H
#define TERN_MODELS_BERT_H

#include "models/attention.h"

struct tern_bert {
    const struct tern_config *config;
    const struct tern_int8_weights *weights;
    struct tern_runner run;
    struct tern_attention attention;
    int max_tokens, longest; /* of all texts of a run; of one text */

    /* The states, [tokens][...]; y and x are the forward pass's result. */
    int16_t *y;         /* [hidden] residual stream, in units of the last norm */
    struct tern_rows x; /* [hidden] the last norm's n as int8 (models/scheme.h) */
    int8_t *x_q;        /* what x points to, writable */
    struct tern_row *x_row;
    int8_t *word; /* [threads][word_bytes] a word's row, unpacked with what shares its block */
    int word_bytes;
    /* Between the norms. query .. context share their memory with `wide`. */
    int32_t *sum; /* [hidden] */
    int16_t *query, *key, *value, *context;
    int16_t *wide;  /* [intermediate] */
    int8_t *wide_q; /* [intermediate rounded up to 64] */
    struct tern_row *wide_row;
};

/* Takes the buffers; config, weights, run.ops, run.pool, max_tokens and longest are set before. */
void tern_bert_plan(struct tern_bert *bert, struct tern_arena *arena);
/* The batch has been checked against the limits. */
void tern_bert_forward(struct tern_bert *bert, const tern_batch *batch);

#endif
