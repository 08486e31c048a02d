/* Texts on their way through a session: tokenised, waiting until enough of them have come, then run together. */
#ifndef TERN_RUNTIME_TEXTS_H
#define TERN_RUNTIME_TEXTS_H

#include "runtime/base/arena.h"
#include "runtime/base/tern.h"
#include "runtime/best.h"

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
    int32_t *unseen; /* [max_texts] tokens at the end of a text that no other sees, of a model of tokens' vectors */
    /* Of a model that gives words: tokens of a run whose words are asked for, as ids; sparse vectors of so many texts
       at a time, [max_sparse][vocab]; [vocab] words in their order, and those of the text that is answered. */
    int32_t *asked;
    int max_sparse;
    float *word_weights;
    struct tern_ranked *ranked;
    tern_weight *words;
    float *values;      /* [max_texts][n_labels or dimensions, whichever is more], or [room][one of these] of tokens */
    const char *prompt; /* of texts to embed; "": none */
    char *own_prompt;   /* where it is no prompt of the model's */
    int prompt_tokens;  /* that are not pooled, [CLS] included; 0: all are */
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
/* The texts that wait. */
tern_batch tern_waiting_batch(const struct tern_waiting *w);
/* The session's prompt; where it has none, what the model calls its prompt for queries or for documents. */
const char *tern_waiting_prompt(const struct tern_waiting *w, int query);
/* The session's. */
struct tern_waiting *tern_session_waiting(tern_session *session);

/* A stream of one text: the context of its callbacks, of which `next` is this. */
struct tern_one_text {
    const tern_text *text; /* NULL once it was read */
    void *out;             /* what `answer` fills */
    tern_error *err;
};
tern_next tern_next_of_one(void *context, tern_text *text);

/* ---- Tasks whose answers are no values of a text (runtime/sparse.c, runtime/late.c) ---- */

/* What the tasks need of model and session: errors of tern_embed_sparse and tern_embed_tokens. */
tern_status tern_sparse_check(const struct tern_waiting *w, tern_error *err);
tern_status tern_late_check(const struct tern_waiting *w, int query, tern_error *err);
/* Texts that run together. */
int tern_sparse_most(const struct tern_waiting *w, int query);
/* Reads a text behind those that wait, into the arrays that `tokens` points to. */
tern_status tern_sparse_tokenize(const struct tern_waiting *w, int query, const tern_text *text, tern_truncate truncate,
                                 tern_tokens *tokens, tern_error *err);
tern_status tern_late_tokenize(const struct tern_waiting *w, int query, const tern_text *text, tern_truncate truncate,
                               tern_tokens *tokens, int32_t *unseen, tern_error *err);
/* Collects the words of the texts that wait. */
tern_status tern_sparse_run(tern_session *session, int query, tern_error *err);
/* Puts what is the task's own into the answer to text i, whose ids and n_tokens are there. */
void tern_sparse_answer(const struct tern_waiting *w, int query, int i, tern_answer *answer);
void tern_late_answer(const struct tern_waiting *w, int query, int i, tern_answer *answer);

#endif
