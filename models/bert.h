/* The encoder in integers: from token ids to the last layer's states, for every model that struct tern_config
 * describes.
 */
#ifndef TERN_MODELS_BERT_H
#define TERN_MODELS_BERT_H

#include "models/attention.h"
#include "models/scaled.h"

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

/* What models that normalise nothing have beside the rest: their streams, and what a matrix gives. */
struct tern_bert_scaled {
    struct tern_scaled stream, inner, out; /* [hidden]; [width] inside of a bottleneck; of any width */
    int16_t *row;                          /* [threads][widest] */
    int32_t *words;                        /* [threads][widest] three words' embeddings */
    int widest;
    /* [tokens] exponents: of x or wide_q; of scores; of the rows of a text that have one for all (keys, values, y). */
    int32_t *x_exp, *score_exp, *text_exp;
};

/* What models with a dynamic convolution have beside the rest. */
struct tern_bert_conv {
    int16_t *key, *out;   /* [tokens][attention width] */
    int32_t *logit, *acc; /* [tokens][heads][tokens of a kernel]; [threads][acc_width] accumulators of a token */
    int acc_width;
    int32_t *sum; /* [threads][wide] */
    int16_t *row;
    int wide;
    int16_t *taps;   /* [taps][attention width] of values, of a layer */
    int16_t *kernel; /* [threads][kernel_size]: of a head, [taps][head dim rounded up to 8] */
    int kernel_size;
};

/* What models with a Fourier transform have beside the rest. */
struct tern_bert_fourier {
    int16_t *column;           /* [tokens][2 hidden] real and negative imaginary parts of the columns' */
    int8_t *panels, *wave;     /* of a text, packed; [threads] rows of cosines and sines */
    int8_t *turn;              /* [2][tokens] of a text: a full turn's cosines and sines */
    int32_t *amax, *acc, *sum; /* [columns / 16] of a text; [threads] */
    int16_t *n16;
};

struct tern_bert {
    const struct tern_config *config;
    const struct tern_int8_weights *weights;
    struct tern_runner run;
    struct tern_attention attention;
    int max_tokens, longest; /* of all texts of a run; of one text */
    int part_rows;           /* rows that go together from one mixing of rows, such as attention, to the next */
    int share_rows;          /* of a share (models/bert_forward.c), at most; 0: the model, or one thread, has none */
    int most_heads;
    int ffn_width; /* neurons of every feed-forward layer that are run, the first ones; 0: all */
    struct tern_row_observer observer;
    /* 1: of each text the first token's state alone is read, and the last layer need not make others. Set before a run.
     */
    int first_only;

    /* The states, [tokens][...]; y and x are the forward pass's result. */
    int16_t *y;      /* [hidden] residual stream, in units of the last norm; where layers normalise what they read, what
                        the last norm gave */
    int32_t *stream; /* [hidden] the residual stream of such layers; others have none */
    const int16_t *zero; /* [hidden] */
    struct tern_rows x;  /* [hidden] the last norm's n as int8 (models/scheme.h) */
    int8_t *x_q;         /* what x points to, writable */
    struct tern_row *x_row;
    int16_t *n16; /* [threads][2][rows of a task][hidden] the last norm's n, before it becomes int8, and a y that nobody
                     reads */
    int16_t *gates; /* [tokens][most heads] of layers with gated attention */
    /* Of layers with norms in front of attn_out and ffn_down: [threads][sub_width] a row that is normalised, and its n.
     */
    int32_t *sub_sum;
    int16_t *sub_n16;
    ptrdiff_t sub_width;
    int8_t *word; /* [threads][word_bytes] a word's row, unpacked with what shares its block */
    int word_bytes;
    /* Between the norms. query .. global share their memory with `wide` where all rows are one part without shares;
       sum, and all from wide on, have rows for a part, or for a share of each thread. */
    int32_t *sum; /* [hidden, or embedding size]: sum_width */
    int16_t *query, *key, *value, *context;
    int16_t *global[3];   /* queries, keys and values of global tokens; [0]: only these tokens' rows */
    int16_t *wide, *gate; /* [intermediate]; gate: what multiplies `wide`, of layers with a gate */
    int8_t *wide_q;       /* [wide_ld] intermediate and copies, rounded up to 64 */
    ptrdiff_t sum_width, wide_width, wide_ld;
    struct tern_row *wide_row;
    struct tern_bert_scaled scaled;
    struct tern_bert_conv conv;
    struct tern_bert_fourier fourier;
};

/* Takes the buffers; config, weights, run.ops, run.pool, max_tokens and longest are set before. */
void tern_bert_plan(struct tern_bert *bert, struct tern_arena *arena);
/* Buffers that a share has for itself while its thread runs it, in place of the run's: those of a part, and products'.
 */
void tern_bert_take_own(struct tern_bert *share, int thread);
/* For models/bert_scaled.c: x[k] in 16 bits to the int8 row of its reader, layer -1: a head; a word's row, unpacked
   when it is stored as codes; the text that holds token i. */
void tern_bert_quantize(const struct tern_bert *bert, int layer, enum tern_layer_input input, int16_t *x, int8_t *q,
                        struct tern_row *row, int k);
const int8_t *tern_bert_word(const struct tern_bert *bert, int word, int thread);
int tern_text_of(const tern_batch *batch, int i);
/* The batch has been checked against the limits. */
void tern_bert_forward(struct tern_bert *bert, const tern_batch *batch);

#endif
