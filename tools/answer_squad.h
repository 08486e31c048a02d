/* Answers to questions, and to those of a file in SQuAD's form. */
#ifndef TERN_ANSWER_SQUAD_H
#define TERN_ANSWER_SQUAD_H

#include "runtime/base/tern.h"

struct answerer {
    tern_session *session;
    tern_find_options options;
    int32_t top;
    tern_found *found; /* [top] of the last question */
};

int answerer_reserve(struct answerer *a);
tern_status answerer_find(struct answerer *a, const tern_text *question, size_t *n, tern_error *err);

/* Prints {"ID": "ANSWER", ...}, the predictions that SQuAD's scorers read. Returns the exit code. */
int answer_squad(struct answerer *a, const char *path);

#endif
