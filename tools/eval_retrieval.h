/* `tern eval --task retrieval`. */
#ifndef TERN_EVAL_RETRIEVAL_H
#define TERN_EVAL_RETRIEVAL_H

#include "tools/eval_own.h"

/* Searches the documents of a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/test.tsv) for its queries and
   scores what is found, or what a run of trec_eval or a JSON object of scores says: an exit code. With predictions the
   path may be that of the judgements alone. */
int eval_retrieval(struct eval_figures *f, struct eval_own *o);

#endif
