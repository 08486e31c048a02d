/* Entities in labels of words, counted as seqeval does in its default mode. */
#ifndef TERN_SCORE_ENTITIES_H
#define TERN_SCORE_ENTITIES_H

#include <stddef.h>

struct entity_label {
    const char *text; /* "B-PER" */
    size_t bytes;     /* at least 1 */
};

struct entity_counts {
    size_t gold, found, right;
};

/* Counts the entities of words[n] into *out: those that are right, and those that were found; an entity is right whose
   type and words are both the same. Sentences are apart where `ends` says 1 for the last word of one. */
void score_entities(struct entity_counts *out, const struct entity_label *gold, const struct entity_label *found,
                    const unsigned char *ends, size_t n);

#endif
