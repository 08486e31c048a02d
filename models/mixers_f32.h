/* Steps of the forward pass in floats (models/bert_f32.h), each of models of one kind. */
#ifndef TERN_MIXERS_F32_H
#define TERN_MIXERS_F32_H

#include "models/bert_f32.h"

/* Rows of a block whose scores or cosines are there at a time. */
enum { TERN_F32_ROWS = 32 };

/* What the matrices read instead of x; NULL: the layer ends here. */
const float *tern_f32_show(const struct tern_bert_f32 *bert, int layer, enum tern_layer_input which, const float *x,
                           int rows);
/* out = x w^T + b, and the same transposed, [n][rows]. */
void tern_bert_f32_turned(const struct tern_bert_f32 *bert, const struct tern_f32_linear *w, const float *x, float *out,
                          float *turned, int rows);

/* What a text's embeddings are multiplied by; 1 of models without token dropout. */
float tern_f32_dropout_factor(const struct tern_config *config, const tern_batch *batch, int text);
/* The embeddings of three words of token i of a text, [first, end), into bert->wide; then of all tokens bert->x. */
void tern_f32_embed_three(const struct tern_bert_f32 *bert, const tern_batch *batch, int i, int first, int end);
void tern_f32_mix(const struct tern_bert_f32 *bert, const tern_batch *batch);
/* query = the real part of x's Fourier transform. */
void tern_f32_transform(struct tern_bert_f32 *bert, const tern_batch *batch, const float *x);
/* Dynamic convolution of what attention reads, whose queries are there; 0: the layer ends. Then what comes of it beside
   the context. */
int tern_f32_convolve(struct tern_bert_f32 *bert, const struct tern_f32_layer *layer, const tern_batch *batch, int i,
                      const float *x);
void tern_f32_join_conv(struct tern_bert_f32 *bert, const struct tern_layer_spec *spec, int tokens);
/* What kernels make of the values is added to the context. */
void tern_f32_convolve_values(struct tern_bert_f32 *bert, const struct tern_f32_layer *layer,
                              const struct tern_layer_spec *spec, const tern_batch *batch);

/* Queries of the texts' global tokens, keys and values of all, by the matrices that layer i has for these. */
void tern_f32_run_global(const struct tern_bert_f32 *bert, int i, const float *x, const tern_batch *batch);
/* Turns the queries and keys of each token by the angles of its position. */
void tern_f32_turn_heads(const struct tern_bert_f32 *bert, const struct tern_layer_spec *layer,
                         const tern_batch *batch);
/* p[n] = clip((eta - gamma) p + gamma, 0, 1) */
void tern_f32_clip(const struct tern_layer_spec *layer, float *p, ptrdiff_t n);
/* context[tokens][heads][head_dim] times the logistic function of gates[tokens][heads] */
void tern_f32_gate_heads(const struct tern_bert_f32 *bert, const struct tern_layer_spec *layer, int tokens);

#endif
