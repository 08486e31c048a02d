/* Texts that are too long for a run, in windows that overlap: Hugging Face's return_overflowing_tokens. */
#ifndef TERN_RUNTIME_WINDOWS_H
#define TERN_RUNTIME_WINDOWS_H

#include "runtime/base/tern.h"

/* The tokens of a whole text, however long, of which one side is cut into windows, and the tokens before and behind it
   stand in each of them. */
struct tern_windows {
    int32_t *ids, *types;
    tern_span *spans;
    size_t n, room;     /* tokens; that the arrays have room for */
    size_t first, end;  /* the side that is cut: tokens [first, end) */
    size_t limit, step; /* tokens of a window; from one window's beginning to the next one's */
    void *memory;       /* of the arrays */
};

/* Reads a text. `source` is the side that is cut: 0: the text, 1: its pair. `limit`: tokens of a window; `stride`:
   tokens of that side that two neighbours share. Errors are those of tern_tokenize, TERN_INPUT where what is not cut
   leaves no room for more than `stride` tokens, TERN_NOMEM. */
tern_status tern_windows_open(struct tern_windows *out, const tern_tokenizer *tokenizer, const tern_text *text,
                              int32_t source, size_t limit, size_t stride, tern_error *err);
void tern_windows_close(struct tern_windows *w);
/* How many windows there are, 1 at least. */
size_t tern_windows_count(const struct tern_windows *w);
/* The tokens of window i, into arrays with room for `limit` of them (types and spans may be NULL). Returns how many. */
size_t tern_windows_take(const struct tern_windows *w, size_t i, int32_t *ids, int32_t *types, tern_span *spans);

/* A window that was run. */
struct tern_window {
    size_t i, n;         /* which it is; its tokens */
    const float *logits; /* [n][n_labels] */
    const int32_t *ids;
    const tern_span *spans;
};
/* Runs all windows through a session whose head labels tokens, as many at a time as run together, and hands each over
   in its order; other statuses than TERN_OK end that. The windows have no more tokens than the session takes. Errors
   are those of tern_classify, and TERN_NOMEM. */
tern_status tern_windows_run(const struct tern_windows *w, tern_session *session,
                             tern_status (*read)(void *context, const struct tern_window *window), void *context,
                             tern_error *err);

#endif
