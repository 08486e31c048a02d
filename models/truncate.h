/* What stays of a text or a pair that is too long, found in one reading of it: the caller's arrays are all the room
   there is, and how many tokens there are shows only at the end. */
#ifndef TERN_TRUNCATE_H
#define TERN_TRUNCATE_H

#include "runtime/base/tern.h"

/* Takes the tokens of one text in their order and keeps the first or the last `room` of them. */
struct tern_kept {
    int32_t *ids;
    tern_span *spans; /* NULL: not wanted */
    size_t room;
    size_t count;        /* of all tokens, kept or not */
    int ring;            /* 1: when the room is full, the next token takes the place of the oldest */
    int downward;        /* 1: ids points at the last place, and the tokens lie from there downward */
    const uint8_t *text; /* where spans count from */
    int32_t source;
    int32_t word; /* the number of the word that tokens belong to */
};

/* What follows is another word. */
static inline void tern_kept_word(struct tern_kept *kept)
{
    kept->word++;
}

static inline void tern_kept_put(struct tern_kept *kept, int32_t id, const uint8_t *start, const uint8_t *stop)
{
    size_t slot = kept->count++;
    if (slot >= kept->room) {
        if (!kept->ring || !kept->room)
            return;
        slot %= kept->room;
    }
    const ptrdiff_t at = kept->downward ? -(ptrdiff_t)slot : (ptrdiff_t)slot;
    kept->ids[at] = id;
    if (kept->spans)
        kept->spans[at] = (tern_span){.start = (size_t)(start - kept->text),
                                      .end = (size_t)(stop - kept->text),
                                      .source = kept->source,
                                      .word = kept->word};
}

/* The steps for a text and perhaps its pair, of which `room` tokens may stay; out's arrays have room for the special
   tokens besides, of which there is at least one if there is a pair. `tail` says which end stays. begin: where the
   first text's tokens go. between: that text has been read; where its pair's go. end: both have been read (second is
   NULL without a pair). The tokens that stay are moved to their places, behind specials[0] special tokens and, those of
   the pair, behind the first text's and specials[1] more. keep[] is how many they are: Hugging Face's
   "longest_first". */
struct tern_kept tern_keep_begin(const tern_tokens *out, size_t room, const uint8_t *text, int tail);
struct tern_kept tern_keep_between(const tern_tokens *out, const uint8_t *pair, const struct tern_kept *first);
void tern_keep_end(const tern_tokens *out, const struct tern_kept *first, const struct tern_kept *second,
                   const size_t specials[2], size_t keep[2]);

#endif
