/* The normalizers of a tokenizer.json: a table of kinds, each read from its JSON object and applied to a line. */
#ifndef TERN_NORMALIZERS_H
#define TERN_NORMALIZERS_H

#include "models/charsmap.h"
#include "models/json.h"
#include "models/patterns.h"

enum { TERN_MAX_STEPS = 32 };

/* What a normalizer has to know of the line. */
struct tern_segment {
    const struct tern_charsmap *charsmap;
    int first, last; /* whether the text between two added tokens begins and ends with the line */
};

struct tern_normalizer {
    /* Rewrites all of r->in; returns 0 when nothing changes, and nothing has been written then. */
    int (*apply)(const struct tern_normalizer *step, const struct tern_segment *segment, struct tern_rewrite *r);
    struct tern_pattern pattern;
    const char *content;
    int flags;
    int local; /* as of a pattern */
};

struct tern_normalizers {
    struct tern_normalizer steps[TERN_MAX_STEPS];
    int n, charsmaps;
};

/* Adds the steps of a normalizer, which may be a Sequence. The strings stay the object's. A Precompiled map is not
   kept: that it has one is counted. TERN_FORMAT. */
tern_status tern_normalizers_read(struct tern_normalizers *out, const json_t *normalizer, const char *label,
                                  tern_error *err);
/* The bytes of the first Precompiled map of it in base64, or NULL. */
const char *tern_normalizers_charsmap(const json_t *normalizer);

#endif
