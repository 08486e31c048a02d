/* Texts on their way through a session: tokenised, waiting until enough of them have come, then run together. */
#ifndef TERN_RUNTIME_TEXTS_H
#define TERN_RUNTIME_TEXTS_H

#include "runtime/base/arena.h"
#include "runtime/base/tern.h"

struct tern_waiting {
    const tern_model *model;
    int limit;            /* tokens of one text */
    int room;             /* tokens of a run */
    int max_texts;        /* of a run */
    int dimensions;       /* of embeddings */
    int n;                /* texts that wait */
    size_t index;         /* of the first of them in the stream */
    int32_t *ids, *types; /* [room + limit]: room for the text that turns out to be too much for this run */
    int32_t *offsets;     /* [max_texts + 1] */
    size_t *needed;       /* [max_texts] tokens of the whole texts */
    tern_span *spans;     /* as ids, of a model whose answers are of tokens or words */
    int32_t *asked;       /* as ids: tokens of a run whose words are asked for, of a model that gives them */
    float *word_weights;  /* [vocab] of sparse vectors, of such a model */
    float *values;        /* [max_texts][n_labels or dimensions, whichever is more], or [room][n_labels] if that is */
    const char *prompt;   /* of texts to embed; "": none */
    char *own_prompt;     /* where it is no prompt of the model's */
    int prompt_tokens;    /* that are not pooled, [CLS] included; 0: all are */
};

/* The model's default prompt; the other fields are set. */
tern_status tern_waiting_default_prompt(struct tern_waiting *w, tern_error *err);
void tern_waiting_close(struct tern_waiting *w);

/* Takes the arrays from the session's arena; the fields before `n` are set. */
void tern_waiting_plan(struct tern_waiting *w, struct tern_arena *arena);
/* What every call that reads texts needs: TERN_USAGE for an unknown `truncate`, TERN_FORMAT without a vocabulary. */
tern_status tern_check_reading(const tern_model *model, tern_truncate truncate, tern_error *err);
/* TERN_USAGE where the session was opened for so few tokens that no text has room. */
tern_status tern_waiting_check_room(const struct tern_waiting *w, tern_error *err);
/* tern_tokenize behind a prompt, of a text that is to run: one without any token is refused with TERN_INPUT, but for
   static embeddings, where its vector is 0. */
tern_status tern_waiting_tokenize(const struct tern_waiting *w, const char *prompt, const tern_text *text,
                                  tern_truncate truncate, tern_tokens *tokens, tern_error *err);
/* The session's. */
struct tern_waiting *tern_session_waiting(tern_session *session);

#endif
