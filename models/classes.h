/* What the pipeline of a tokenizer asks of characters beyond unicode.h: the classes that Hugging Face's regular
   expressions, normalizers and pre-tokenizers go by, each of the version of Unicode that it has there. */
#ifndef TERN_CLASSES_H
#define TERN_CLASSES_H

#include "models/unicode.h"

int tern_is_letter(uint32_t c); /* \p{L} */
int tern_is_number(uint32_t c); /* \p{N} */
int tern_is_digit(uint32_t c);  /* of the pre-tokenizer Digits */
int tern_is_accent(uint32_t c); /* of the normalizer StripAccents */

enum { TERN_COMPATIBLE_MAX = 18 }; /* characters of the longest compatible decomposition, U+FDFA */
/* The full decomposition of Unicode 9, canonical or compatible; returns how many characters it has. */
int tern_decompose_as(uint32_t c, int compatible, uint32_t out[TERN_COMPATIBLE_MAX]);
/* The character that NFC makes of two, or 0. */
uint32_t tern_compose(uint32_t first, uint32_t second);

/* The end of the grapheme cluster that begins at `at`, which is before `end`. */
const uint8_t *tern_grapheme_end(const uint8_t *at, const uint8_t *end);

#endif
