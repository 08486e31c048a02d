/* A model's answers to all texts of a file, for `tern eval`. */
#ifndef TERN_EVAL_RUN_H
#define TERN_EVAL_RUN_H

#include "tools/eval_data.h"
#include "tools/runner.h"

/* A model that is open, by the name that messages use. */
struct eval_model {
    const char *path;
    tern_model *model;
    const tern_model_info *info;
};

/* What is run, and how. */
struct eval_job {
    struct run_options run;
    const char *prompt, *prompt_name; /* of embeddings; NULL: the model's default */
    const char *path;                 /* of the data, in messages */
    struct eval_data data;
    int together; /* 1: what is labelled are rows, whose two texts are read as a pair */
    int32_t seed; /* of the order in which texts are run, -1: the file's */
};

/* One model's answers. */
struct eval_answers {
    int32_t count;     /* numbers of one text: logits or a vector */
    size_t n;          /* texts or, where they are read together, rows */
    float *values;     /* [n][count], in the file's order */
    int32_t *integers; /* the same; left alone by f32 models */
    size_t truncated;  /* texts that were cut */
    double seconds;
};

/* Opens the file, or prints why not and returns the exit code. */
int eval_open_model(struct eval_model *out, const char *path);
/* Both are safe on zeroed structs. */
void eval_close_model(struct eval_model *m);
void eval_free_answers(struct eval_answers *a);

/* A session for the task, with the job's prompt: an exit code. */
int eval_open_session(tern_session **out, const struct eval_job *job, const struct eval_model *m, tern_task task);
/* Runs all texts, with progress on a terminal: an exit code. A text that is refused ends the command. */
int eval_run(struct eval_answers *out, const struct eval_job *job, const struct eval_model *m, tern_task task);
/* XXH3-64 over the integers, or an f32 model's floats, in the file's order. */
uint64_t eval_digest(const struct eval_answers *a, const struct eval_model *m);

#endif
