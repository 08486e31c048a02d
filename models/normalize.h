/* BertNormalizer as a stream of characters: clean_text, handle_chinese_chars, strip_accents (NFD without nonspacing
   marks), lowercase, in this order. Nothing is allocated or kept: a struct tern_chars can be copied to look ahead. */
#ifndef TERN_NORMALIZE_H
#define TERN_NORMALIZE_H

#include "models/unicode.h"

struct tern_rules {
    uint8_t clean;   /* drop control characters, make every white space U+0020 */
    uint8_t chinese; /* put spaces around ideographs */
    uint8_t strip;   /* NFD, then drop nonspacing marks */
    uint8_t lower;
};

/* The stages that look at one character at a time. A raw character gives at most a decomposition and two spaces. */
struct tern_source {
    const uint8_t *at, *end;
    const uint8_t *from; /* the last raw character is [from, at) */
    struct tern_rules rules;
    uint8_t n, i; /* the rest of the last raw character: expanded[i .. n) */
    uint32_t expanded[TERN_DECOMPOSED_MAX + 2];
};

struct tern_chars {
    struct tern_source source;
    uint32_t second; /* second half of a lower case of two characters, 0: none */
    size_t calm;     /* so many characters of the source are known to be in canonical order */
    /* A run that is not in canonical order is read once for each class in it: any length, no buffer. */
    struct tern_source run; /* where it begins */
    size_t run_length;      /* 0: not in such a run */
    size_t left;            /* of this reading */
    int order, above;       /* the class being read, and the next higher one seen */
};

/* The text must be well-formed UTF-8 and stay in place. */
void tern_chars_begin(struct tern_chars *chars, const uint8_t *text, size_t n, struct tern_rules rules);
/* The next normalised character; 0 at the end. The raw character that it was made of is then
   [chars->source.from, chars->source.at): spaces around an ideograph are made of the ideograph. */
int tern_chars_next(struct tern_chars *chars, uint32_t *c);

#endif
