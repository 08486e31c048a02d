/* SentencePiece's precompiled map of characters: a double array of what is replaced, and the replacements. */
#ifndef TERN_CHARSMAP_H
#define TERN_CHARSMAP_H

#include "models/line.h"
#include "runtime/base/status.h"

struct tern_charsmap {
    const uint8_t *units; /* [n_units] of four bytes, little-endian */
    size_t n_units;
    const uint8_t *texts; /* [bytes] replacements, each ended by a zero */
    size_t bytes;
};

/* Reads the map out of its bytes, which stay the caller's; n = 0 is a map of nothing. TERN_FORMAT. */
tern_status tern_charsmap_open(struct tern_charsmap *map, const uint8_t *bytes, size_t n, const char *label,
                               tern_error *err);
/* Rewrites all of r->in into r->out, grapheme cluster by grapheme cluster. */
void tern_charsmap_apply(const struct tern_charsmap *map, struct tern_rewrite *r);
/* Whether a character by itself is replaced. */
int tern_charsmap_has(const struct tern_charsmap *map, const uint8_t *text, size_t n);

#endif
