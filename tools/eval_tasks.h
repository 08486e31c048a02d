/* The tasks of `tern eval --task`: a table, with a row for each. */
#ifndef TERN_EVAL_TASKS_H
#define TERN_EVAL_TASKS_H

#include "tools/eval_own.h"

struct eval_task {
    const char *name;
    /* A task whose file has a form of its own reads, runs and scores all by itself, and has none of what follows. */
    int (*own)(struct eval_figures *f, struct eval_own *o);
    struct record_form form;     /* what a line holds: the texts, then the answer that is right */
    int texts;                   /* of a line: two are a pair where they are labelled, else each is run by itself */
    struct eval_classes classes; /* what the labels stand for; without any the answer is a number up to `most` */
    double most;
    int any_labels; /* 1: a model with other labels than the classes is scored by its labels' numbers */
    /* Adds the scores of predicted[n] beside gold[n], classes or numbers: an exit code. */
    int (*score)(struct eval_figures *f, const double *gold, const double *predicted, size_t n);
};

/* NULL when there is no such task. */
const struct eval_task *eval_find_task(const char *name);
/* All names, for messages and the help: "sst2 or stsb". */
struct tern_words eval_task_words(const char *conjunction);

#endif
