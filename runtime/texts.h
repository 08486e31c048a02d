/* Texts on their way through a session: tokenised, waiting until enough of them have come, then run together. */
#ifndef TERN_RUNTIME_TEXTS_H
#define TERN_RUNTIME_TEXTS_H

#include "runtime/base/arena.h"

struct tern_waiting {
    const tern_model *model;
    int limit;            /* tokens of one text */
    int room;             /* tokens of a run */
    int max_texts;        /* of a run */
    int n;                /* texts that wait */
    size_t index;         /* of the first of them in the stream */
    int32_t *ids, *types; /* [room + limit]: room for the text that turns out to be too much for this run */
    int32_t *offsets;     /* [max_texts + 1] */
    size_t *needed;       /* [max_texts] tokens of the whole texts */
    float *values;        /* [max_texts][n_labels or hidden, whichever is more] */
};

/* Takes the arrays from the session's arena; the fields before `n` are set. */
void tern_waiting_plan(struct tern_waiting *w, struct tern_arena *arena);
/* The session's. */
struct tern_waiting *tern_session_waiting(tern_session *session);

#endif
