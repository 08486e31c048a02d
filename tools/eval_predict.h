/* What is predicted for each row of a task: by a model, or by a file. */
#ifndef TERN_EVAL_PREDICT_H
#define TERN_EVAL_PREDICT_H

#include "tools/eval_tasks.h"

/* What a task asks of a model. */
struct eval_asked {
    tern_task kind;
    int together;      /* the two texts of a row are a pair */
    int32_t n_classes; /* of the data: labels from 0 on; 0: a number */
    int32_t *classes;  /* [n_labels] the class of each of the model's labels; free() it */
};

/* Decides it: an exit code. A model whose labels have the classes' names has its classes found by these, whatever their
   order; else labels are classes by their numbers. A model of one label gives the number that a task wants; others give
   it as the cosine of two embeddings. */
int eval_ask(struct eval_asked *out, const struct eval_task *task, const struct eval_model *m);

/* predicted[n_rows] out of a model's answers: a fresh array, an exit code. */
int eval_predicted(double **out, const struct eval_asked *asked, const struct eval_data *d, const struct eval_model *m,
                   const struct eval_answers *a);
/* Out of a file: a label or number in each line, or behind its row's index and a tab, as GLUE's submissions have it,
   with a header or without; or an object with label or prediction. `n` are needed. */
int eval_read_predictions(double **out, const struct eval_task *task, const char *path, size_t n);

#endif
