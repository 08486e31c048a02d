/* The steps of a forward pass between two mixings of rows, and the mixing itself; inside of models/bert*.c. */
#ifndef TERN_BERT_STEPS_H
#define TERN_BERT_STEPS_H

#include "models/bert.h"

struct tern_rows_job {
    struct tern_bert *b;
    const tern_batch *batch;
    int first; /* the batch's token that is b's row 0 */
    const struct tern_norm *norm;
    const struct tern_poly *head_gate; /* of `gates`, which multiply each head of a context row; NULL: none */
    const struct tern_norm *sub_norm;  /* in front of attn_out or ffn_down; NULL: none */
    int16_t *from;                     /* rows that become x */
    const struct tern_poly *act;
    const struct tern_linear *added; /* the matrix whose sums the stream takes before it is normalised; NULL: none */
    int gated;                       /* `gate` multiplies what the activation gives */
    int tokens, width;               /* columns of the rows that a context or activation task reads */
    /* Who reads the int8 rows; layer -1: a head. */
    int layer;
    enum tern_layer_input input;
};

/* Steps of a layer for all rows of a job, which are those of its b. */
typedef void tern_steps_fn(struct tern_bert *b, struct tern_rows_job *rows, int layer);
/* Token ids -> y or the stream, and x, for layer 0. */
tern_steps_fn tern_bert_begin;
/* x -> what the layer's attention reads, but for what its global tokens have of their own. */
tern_steps_fn tern_bert_project;
/* context -> y or the stream, and x, for the next layer. */
tern_steps_fn tern_bert_layer;

/* The step that a row takes together with others: attention, convolutions, Fourier transforms; for all rows. */
void tern_bert_mix(struct tern_bert *b, const tern_batch *batch, int layer);

#endif
