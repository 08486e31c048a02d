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

/* Profiling of the runs that follow: on = 1 starts from zero, 0 ends it. Returns the sums, one per thread of
   tern_session_threads, valid until the session is closed; NULL for f32 models, which have none. */
struct tern_profile *tern_session_profile(tern_session *session, int on);

/* An observer of the runs that follow, for f32 models. */
void tern_session_observe(tern_session *session, const struct tern_observer *observer);
/* The same for integer models; the session has one thread. */
void tern_session_observe_rows(tern_session *session, const struct tern_row_observer *observer);

#endif
