/* ConvBERT's span-based dynamic convolution beside attention: a kernel of some tokens for each token and head. */
#ifndef TERN_SPAN_CONV_H
#define TERN_SPAN_CONV_H

#include "models/bert.h"

/* Takes the buffers; tern_bert_plan calls it. */
void tern_span_conv_plan(struct tern_bert *bert, struct tern_arena *arena);
/* Before attention of layer i, whose queries are in bert->query and whose input's rows in bert->x and bert->y: fills
   bert->conv.out, in units of the layer's conv_out. Changes bert->x. */
void tern_span_conv_run(struct tern_bert *bert, const tern_batch *batch, int layer);
/* Behind attention of a layer whose values are convolved: the context, and what kernels make of the values -> bert->x.
 */
void tern_value_conv_join(struct tern_bert *bert, const tern_batch *batch, int layer);
/* Behind attention: context and convolution side by side -> bert->x. */
void tern_span_conv_join(struct tern_bert *bert, const tern_batch *batch, int layer);

#endif
