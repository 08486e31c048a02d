/* `tern eval --against`: a model beside another one, or beside vectors that another program made. */
#ifndef TERN_EVAL_COMPARE_H
#define TERN_EVAL_COMPARE_H

#include "tools/eval_figures.h"
#include "tools/eval_run.h"
#include "tools/npy.h"

/* The other side: a model or a file of vectors. */
struct eval_other {
    struct eval_model model; /* .model is NULL where there are vectors */
    struct npy npy;
    size_t *distinct, n_distinct; /* see eval_distinct */
};

/* Opens what `path` names and checks, before anything is run, that it can be compared with the model on the job's
   texts: an exit code. A file that is named .npy or begins as such files do holds vectors: as many as there are texts,
   or of rows of several texts as many as there are distinct ones. eval_close_other in any case; it is safe on a zeroed
   struct. */
int eval_open_other(struct eval_other *out, const char *path, const struct eval_job *job, const struct eval_model *m);
void eval_close_other(struct eval_other *other);

/* Adds what both models' vectors have in common and, if `labels` and both label texts, their labels: an exit code.
   own[2] are the model's answers by their tern_task; those that are not there yet are run. */
int eval_compare(struct eval_figures *f, const struct eval_job *job, const struct eval_model *m,
                 struct eval_other *other, struct eval_answers own[2], int labels);

#endif
