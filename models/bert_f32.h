/* The encoder and its heads in float32, as PyTorch computes them: the accuracy baseline and what conversion checks
   against. Its bits may differ from CPU to CPU. */
#ifndef TERN_BERT_F32_H
#define TERN_BERT_F32_H

#include "models/weights.h"
#include "runtime/base/arena.h"

/* Sees what the matrices of each layer read, x[rows][their inputs], and returns what they are to read: x, or rows of
   its own that stay until it is called again. The residual stream keeps x. NULL: the layer ends there, its outputs are
   not wanted. */
struct tern_observer {
    const float *(*observe)(void *context, int layer, enum tern_layer_input which, const float *x, int rows);
    void *context;
};

struct tern_bert_f32 {
    const struct tern_config *config;
    const struct tern_f32_weights *weights;
    const struct tern_ops *ops;
    struct tern_pool *pool;
    int max_tokens, longest;
    int ffn_width;                 /* as struct tern_bert has it */
    struct tern_observer observer; /* all NULL: none */

    float *x;                        /* [tokens][hidden] the states, or the stream between layers that normalise what
                                        they read */
    float *inner;                    /* [tokens][width] the stream inside of a bottleneck, behind x */
    float *normed;                   /* [tokens][hidden] what these layers read; others read x */
    float *query, *key;              /* [tokens][hidden] */
    float *value;                    /* [hidden][tokens] */
    float *global[3];                /* the same three of global tokens, in layers that have them; [0]: only theirs */
    float *context;                  /* [tokens][hidden] */
    float *column, *wave;            /* [2 hidden][tokens] and [rows][longest] of Fourier transforms */
    float *conv[3];                  /* [tokens][widest context] of dynamic convolutions */
    float *wide, *gate;              /* [tokens][intermediate]; gate: of layers that have one */
    float *gates;                    /* [tokens][most heads] of layers with gated attention */
    float *between;                  /* [tokens][most columns] between two matrices that stand for one */
    float *score;                    /* [threads] blocks of scores */
    float *gathered;                 /* [threads][2][longest][head_dim] keys, and values turned, that do not lie one
                                        behind the other */
    float *distance;                 /* [threads] products with distances, of models that have them */
    float *feature;                  /* [threads] of layers with linear attention */
    int skip, dimensions, normalize; /* of embeddings: models/heads.h */
    const int32_t *unseen;           /* as struct tern_attention has it */
    const int32_t *asked;            /* [n_asked] of words: the same */
    int n_asked;
    float *vector[2]; /* [widest vector] */
};

void tern_bert_f32_plan(struct tern_bert_f32 *bert, struct tern_arena *arena);
void tern_bert_f32_forward(struct tern_bert_f32 *bert, const tern_batch *batch);
/* Its steps: x of the tokens, and x brought through one layer; the norm behind the last is tern_bert_f32_forward's.
   A layer may be entered at what a matrix reads, but for
   TERN_INPUT_FFN_DOWN: x, and for TERN_INPUT_ATTN_OUT context too, are what they were there. */
void tern_bert_f32_begin(struct tern_bert_f32 *bert, const tern_batch *batch);
void tern_bert_f32_layer(struct tern_bert_f32 *bert, const tern_batch *batch, int layer, enum tern_layer_input from);
/* out[rows][n] = x[rows][k] w^T + b */
void tern_bert_f32_linear(const struct tern_bert_f32 *bert, const struct tern_f32_linear *w, const float *x, float *out,
                          int rows);
/* After forward: the logits of each kind in models/heads.def, [tern_label_rows][n_labels], or
 * vectors[texts][dimensions].
 */
typedef void tern_bert_f32_fn(struct tern_bert_f32 *bert, const tern_batch *batch, float *out);
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary) tern_bert_f32_fn tern_bert_f32_##run;
#include "models/heads.def"
#undef HEAD_KIND
tern_bert_f32_fn tern_bert_f32_embed;
/* The same of each token by itself: vectors[tokens][dimensions]. */
tern_bert_f32_fn tern_bert_f32_embed_tokens;

#endif
