/* Added tokens: strings that become one id wherever they stand in the text, before ("[SEP]") or after normalisation. */
#ifndef TERN_ADDED_TOKENS_H
#define TERN_ADDED_TOKENS_H

#include "models/normalize.h"

/* Hugging Face's flags of an AddedToken. */
enum {
    TERN_ADDED_SPECIAL = 1,
    TERN_ADDED_SINGLE_WORD = 2, /* only where no word character is beside it */
    TERN_ADDED_LSTRIP = 4,      /* takes the white space before it */
    TERN_ADDED_RSTRIP = 8,
    TERN_ADDED_NORMALIZED = 16 /* is looked for, normalised itself, in the normalised text */
};

struct tern_added {
    const uint8_t *text;
    uint32_t n;
    uint32_t flags;
    int32_t id;
};

/* Sorted by first byte, then longest first, so that the first match at a place is the longest. */
struct tern_added_set {
    const struct tern_added *tokens;
    uint32_t count;
    uint32_t first[257]; /* tokens[first[b] .. first[b + 1]) begin with the byte b */
};

void tern_added_sort(struct tern_added_set *set, struct tern_added *tokens, uint32_t count);

/* One place in raw text: the token is text[start .. stop). */
struct tern_added_match {
    const struct tern_added *token;
    size_t start, stop;
};
/* The leftmost, there longest, token at or after `from`; 0 when there is none. White space is not stripped. */
int tern_added_search(const struct tern_added_set *set, const uint8_t *text, size_t n, size_t from,
                      struct tern_added_match *match);

/* All places of a text, one after the other. Set `set`, `text` and `n` and leave the rest 0; after each one that is
   found set `done` to where the text behind it begins. */
struct tern_added_walk {
    const struct tern_added_set *set;
    const uint8_t *text;
    size_t n;
    size_t done, from;
    /* Of the last one: with the white space that its flags give it. */
    const struct tern_added *token;
    size_t start, stop;
};
/* 0: there is no more. A token that may only stand alone is passed over where it does not. */
int tern_added_next(struct tern_added_walk *walk);

/* The longest token that the normalised characters begin with, or NULL. *after is then where it ends, *n_chars its
   characters, *last the last of them. */
const struct tern_added *tern_added_here(const struct tern_added_set *set, const struct tern_chars *chars,
                                         struct tern_chars *after, size_t *n_chars, uint32_t *last);

#endif
