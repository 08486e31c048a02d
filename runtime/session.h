/* What a session shows to the tools of this tree alone. */
#ifndef TERN_RUNTIME_SESSION_H
#define TERN_RUNTIME_SESSION_H

#include "models/bert_f32.h"
#include "runtime/base/profile.h"
#include "runtime/base/tern.h"

/* Profiling of the runs that follow: on = 1 starts from zero, 0 ends it. Returns the sums, one per thread of
   tern_session_threads, valid until the session is closed; NULL for f32 models, which have none. */
struct tern_profile *tern_session_profile(tern_session *session, int on);

/* An observer of the runs that follow, for f32 models. */
void tern_session_observe(tern_session *session, const struct tern_observer *observer);

#endif
