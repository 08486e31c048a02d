/* What a model predicts for a task's rows, as a file that grows. */
#ifndef TERN_EVAL_WRITE_H
#define TERN_EVAL_WRITE_H

#include "tools/eval_predict.h"

/* Runs the model over the rows in their order and writes a label or a number for each, a line, as
   eval_read_predictions reads them, behind those that lie there with `resume`: an exit code. *texts and *seconds are of
   this run. */
int eval_write_predictions(const struct eval_task *task, const struct eval_asked *asked, const struct eval_job *job,
                           const struct eval_model *m, const char *path, int resume, size_t *texts, double *seconds);

#endif
