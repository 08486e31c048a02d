/* What a session shows to the tools of this tree alone. */
#ifndef TERN_RUNTIME_SESSION_H
#define TERN_RUNTIME_SESSION_H

#include "models/bert.h"
#include "models/bert_f32.h"
#include "runtime/base/profile.h"
#include "runtime/base/tern.h"

/* tern_embed, without the first `skip` tokens of each text in what is pooled. One is pooled in any case. */
tern_status tern_session_embed(tern_session *session, const tern_batch *batch, int skip, float *vectors,
                               tern_error *err);

/* vectors[offsets[n_texts]][dimensions]: of each token, of a model that has such vectors. The last unseen[text] tokens
   see the others of their text, and no token sees them; NULL: there are none. Errors are those of tern_embed. */
tern_status tern_session_embed_tokens(tern_session *session, const tern_batch *batch, const int32_t *unseen,
                                      float *vectors, tern_error *err);
/* Says why the model has no vector for a text as a whole: TERN_USAGE. */
tern_status tern_session_not_pooled(const tern_model *model, tern_error *err);

/* Tokens of a batch, rising, whose words are asked for. */
struct tern_asked {
    const int32_t *tokens; /* [n] */
    int n;
    void *context;
    /* Takes the logits[vocab] of tokens[i], of each i in its order, on the calling thread; other statuses than TERN_OK
       end the run, which returns them. */
    tern_status (*words)(void *context, int i, const float *logits);
};
/* Runs a model whose head gives words. Errors are those of tern_classify. */
tern_status tern_session_words(tern_session *session, const tern_batch *batch, const struct tern_asked *asked,
                               tern_error *err);

/* Profiling of the runs that follow: on = 1 starts from zero, 0 ends it. Returns the sums, one per thread of
   tern_session_threads, valid until the session is closed; NULL for f32 models, which have none. */
struct tern_profile *tern_session_profile(tern_session *session, int on);

/* An observer of the runs that follow, for f32 models. */
void tern_session_observe(tern_session *session, const struct tern_observer *observer);
/* The same for integer models; the session has one thread. */
void tern_session_observe_rows(tern_session *session, const struct tern_row_observer *observer);

#endif
