/* `tern eval --task rerank`. */
#ifndef TERN_EVAL_RERANK_H
#define TERN_EVAL_RERANK_H

#include "tools/eval_own.h"

/* Reads lists of a query, documents that answer it and others, and scores the order that a cross-encoder's value of
   each pair, the cosine of embeddings, or the numbers of a file bring them into: an exit code. */
int eval_rerank(struct eval_figures *f, struct eval_own *o);

#endif
