/* Texts that come with the converter, to calibrate and check on when the user gives none. Host side. */
#ifndef TERN_BUILTIN_TEXTS_H
#define TERN_BUILTIN_TEXTS_H

/* UTF-8, none empty, no two the same. They are ordered by kind, so that every k-th of them is a varied sample too. Some
   have several lines; the longest have some 250 words. */
enum { TERN_BUILTIN_TEXTS = 429 };
extern const char *const tern_builtin_texts[];
/* The same of everyday English, each a sentence of some ten words: more of what embedders are asked most. */
enum { TERN_BUILTIN_SENTENCES = 443 };
extern const char *const tern_builtin_sentences[];

#endif
