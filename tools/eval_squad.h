/* `tern eval --task squad`. */
#ifndef TERN_EVAL_SQUAD_H
#define TERN_EVAL_SQUAD_H

#include "tools/eval_own.h"

/* Reads the questions and scores the model's answers, or those of the file of predictions: an exit code. The file is
   SQuAD's, of version 1.1 or 2.0, or has an object with id, context, question and answers for each question. Where a
   question has no answer, or says whether it has one, scores are those of version 2.0. */
int eval_squad(struct eval_figures *f, struct eval_own *o);

#endif
