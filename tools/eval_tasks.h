/* The tasks of `tern eval --task`: a table, with a row for each. */
#ifndef TERN_EVAL_TASKS_H
#define TERN_EVAL_TASKS_H

#include "tools/eval_figures.h"
#include "tools/eval_run.h"

struct eval_task {
    const char *name;
    struct record_form form; /* what a line holds: the texts, then the answer that is right */
    int texts;               /* of a line; each is run by itself */
    double most;             /* of the answer; 0: the model's labels, whole numbers from 0 */
    tern_task answers;       /* what the model is asked of each text */
    /* Whether the model can be scored on the task: an exit code, with a line. NULL: every one that answers so. */
    int (*fits)(const struct eval_model *m);
    /* Adds the task's scores of the answers: an exit code. */
    int (*score)(struct eval_figures *f, const struct eval_data *d, const struct eval_answers *a);
};

/* NULL when there is no such task. */
const struct eval_task *eval_find_task(const char *name);
/* All names, for messages and the help: "sst2 or stsb". */
struct tern_words eval_task_words(const char *conjunction);

#endif
