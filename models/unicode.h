/* Unicode as Hugging Face's tokenizer sees it: its categories are those of Unicode 8, its decompositions those of
   Unicode 9, its lower case that of the latest version. See unicode_tables.h for why no library's tables can be used.
 */
#ifndef TERN_UNICODE_H
#define TERN_UNICODE_H

#include <stddef.h>
#include <stdint.h>

enum {
    TERN_UTF8_MAX = 4,      /* bytes of one character */
    TERN_DECOMPOSED_MAX = 4 /* characters of the longest canonical decomposition (U+1F82 and the like) */
};

/* The offset of the first byte that is not part of well-formed UTF-8 (no surrogates, nothing over-long, nothing above
   U+10FFFF), or `n` when all is well: what Rust calls valid_up_to. */
size_t tern_utf8_check(const uint8_t *text, size_t n);
/* How many characters text[bytes] has: well-formed, but it may be cut off anywhere. */
size_t tern_utf8_characters(const char *text, size_t bytes);
/* The next and the previous character of well-formed text; the pointer moves over it. */
uint32_t tern_utf8_next(const uint8_t **at);
uint32_t tern_utf8_previous(const uint8_t **at);
/* Writes 1 .. 4 bytes, returns their number. */
size_t tern_utf8_put(uint32_t c, uint8_t out[TERN_UTF8_MAX]);

int tern_is_space(uint32_t c);
int tern_is_control(uint32_t c);
int tern_is_chinese(uint32_t c);
int tern_is_punctuation(uint32_t c);
/* A character of a word, \w in Rust's regular expressions. */
int tern_is_word(uint32_t c);

/* What NFD followed by dropping the nonspacing marks does with a character. */
enum {
    TERN_ORDER_STARTER = 0, /* stays, and nothing is reordered across it */
    /* 1 .. 254: stays, and is moved before neighbours of a higher class */
    TERN_ORDER_DROPPED = 255, /* is dropped, without any effect on its neighbours */
    TERN_ORDER_BARRIER = 256  /* is dropped, but nothing is reordered across it */
};
int tern_order_class(uint32_t c);
/* The canonical combining class in Unicode 9; 0: a starter. */
int tern_combining_class(uint32_t c);

/* The full canonical decomposition (NFD) of one character; returns how many characters it has. */
int tern_decompose(uint32_t c, uint32_t out[TERN_DECOMPOSED_MAX]);
/* The lower case; *second is the second character when there are two (only for U+0130), else 0. */
uint32_t tern_lower(uint32_t c, uint32_t *second);

#endif
