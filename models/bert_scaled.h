/* The encoder in integers, of models that normalise nothing: struct tern_bert's steps with rows that have exponents. */
#ifndef TERN_BERT_SCALED_H
#define TERN_BERT_SCALED_H

#include "models/bert.h"

/* As tern_bert_plan and tern_bert_forward, which call them. */
void tern_bert_scaled_plan(struct tern_bert *bert, struct tern_arena *arena);
void tern_bert_scaled_forward(struct tern_bert *bert, const tern_batch *batch);

#endif
