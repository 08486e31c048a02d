/* Tasks of `tern eval` whose files have a form of their own: what they are given, and what their readers share. */
#ifndef TERN_EVAL_OWN_H
#define TERN_EVAL_OWN_H

#include "tools/eval_figures.h"
#include "tools/eval_run.h"

#include <jansson.h>

/* What the command line says, and what a task says back. */
struct eval_own {
    const struct eval_model *model; /* NULL: the predictions of a file are scored */
    const char *path, *predictions;
    const char *no_answers;      /* --no-answers, NULL: none */
    double no_answer_least;      /* --no-answer-threshold */
    int identical;               /* --identical-ids */
    const char *document_prompt; /* --document-prompt-name, NULL: none was given */
    struct eval_job *job;        /* how texts are run; its data is the task's, which the command frees */
    double seconds;              /* result: of the runs */
    size_t texts;                /* result: that were run; pairs are one */
    uint64_t digest;             /* result: of the answers, where a model was run */
};

/* The lines of a file, without their ends. */
struct eval_lines {
    struct input in;
    input_end *end;
};
int eval_lines_open(struct eval_lines *l, const char *path);
/* As input_next. */
int eval_lines_next(struct eval_lines *l, struct record_field *out, int *code);
void eval_lines_close(struct eval_lines *l);
/* "FILE:3": for messages. */
const char *eval_lines_where(const struct eval_lines *l, char out[128]);
/* The next word of a line, between spaces and tabs, which is taken off its front: 1, or 0 at its end. */
int eval_word(struct record_field *rest, struct record_field *word);

/* The JSON values of a file, one after the other, such as one object or an object in each line: an exit code. Its
   elements are the values; json_decref it. */
int eval_read_json(json_t **out, const char *path);
/* A line as a JSON value of any kind, NULL: it is none. */
json_t *eval_line_json(const struct record_field *line);

/* Different strings and their numbers, from 0 in the order in which they came. Zeroed, it is empty. */
struct eval_names {
    char *pool;
    size_t *at;    /* [n + 1] where each begins */
    size_t *table; /* [slots] open addressing, 0: free, else number + 1 */
    size_t n, slots, pool_capacity, at_capacity;
};
/* The number of a string, which is added if it is new; SIZE_MAX: memory is out, with a line. */
size_t eval_name_add(struct eval_names *names, const char *text, size_t bytes);
/* SIZE_MAX: it is not there. */
size_t eval_name_find(const struct eval_names *names, const char *text, size_t bytes);
const char *eval_name(const struct eval_names *names, size_t number, size_t *bytes);
void eval_names_free(struct eval_names *names);

#endif
