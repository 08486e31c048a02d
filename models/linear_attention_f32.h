/* Linear attention of the forward pass in floats. */
#ifndef TERN_LINEAR_ATTENTION_F32_H
#define TERN_LINEAR_ATTENTION_F32_H

#include "models/bert_f32.h"

/* For models with such layers: their scratch; and the context of a layer's queries. */
void tern_f32_plan_linear_attention(struct tern_bert_f32 *bert, struct tern_arena *arena);
void tern_f32_linear_attention(struct tern_bert_f32 *bert, const struct tern_layer_spec *layer,
                               const tern_batch *batch);

#endif
