/* What `tern embed` has beside one vector for each text. */
#ifndef TERN_EMBED_MORE_H
#define TERN_EMBED_MORE_H

#include "tools/runner.h"

struct embed_more {
    int sparse, ids; /* --sparse, with ids in place of words */
    int32_t top;     /* words; 0: all */
    int tokens;      /* --tokens */
    int query;       /* of either: the texts are queries */
    int json;
};

/* The answers to all texts, and what is to be said at the end: an exit code. */
int embed_words(const struct embed_more *o, tern_session *session, const tern_model *model, struct texts *texts,
                tern_truncate truncate);
int embed_tokens(const struct embed_more *o, tern_session *session, const tern_model *model, struct texts *texts,
                 tern_truncate truncate);

#endif
