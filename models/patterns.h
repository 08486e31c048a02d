/* The patterns at which tokenizers split or replace: a string, a class of characters, or one of the regular expressions
   of patterns.c's table, each matched by a function of its own. No other regular expression is supported. */
#ifndef TERN_PATTERNS_H
#define TERN_PATTERNS_H

#include <stddef.h>
#include <stdint.h>

struct tern_pattern {
    /* Whether the characters from text[at] on match, and where the match ends; 0: no match begins there. Never an empty
       one. */
    size_t (*match)(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t at);
    const char *string; /* of a string's pattern, and its length */
    size_t bytes;
    int most;  /* of some expressions: digits in one match */
    int local; /* 1: a text may be cut before a space between two letters, and the parts matched by themselves */
};

/* A string, which stays the caller's. An empty one never matches. */
struct tern_pattern tern_pattern_string(const char *string);
/* One of the regular expressions, or NULL: then `text` is not supported. */
const struct tern_pattern *tern_pattern_regex(const char *text);

/* Those that pre-tokenizers have built in. */
extern const struct tern_pattern tern_pattern_gpt2;        /* ByteLevel */
extern const struct tern_pattern tern_pattern_words;       /* Whitespace: words, and what is neither word nor space */
extern const struct tern_pattern tern_pattern_space;       /* WhitespaceSplit: a white space */
extern const struct tern_pattern tern_pattern_punctuation; /* a punctuation character */
extern const struct tern_pattern tern_pattern_digit;       /* of Digits */

/* The next match at or after `from`: [*start, result); 0 when there is none. */
size_t tern_pattern_find(const struct tern_pattern *pattern, const uint8_t *text, size_t n, size_t from, size_t *start);

#endif
