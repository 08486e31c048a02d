/* `tern eval --task conll`. */
#ifndef TERN_EVAL_CONLL_H
#define TERN_EVAL_CONLL_H

#include "tools/eval_own.h"

/* Reads words and labels and scores the model's labels, or those of the file of predictions: an exit code. Both files
   have a word in each line, whose last column is its label, and an empty line between sentences; or a JSON object, or
   an array of labels, for each sentence. */
int eval_conll(struct eval_figures *f, struct eval_own *o);

#endif
