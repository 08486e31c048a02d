/* The official scores of SQuAD 1.1 and 2.0: exact match and F1 of an answer. */
#ifndef TERN_SCORE_SQUAD_H
#define TERN_SCORE_SQUAD_H

#include <stddef.h>

/* An answer as the official scripts compare it: in lower case, without ASCII's punctuation and the words a, an and the,
   one space between words. A fresh string, free() it; NULL: memory is out. The text is UTF-8. */
char *squad_normalize(const char *text, size_t bytes, size_t *n);

/* Of two such strings. Of an empty one the F1 is 0 by version 1.1 and, by version 2.0, 1 where both are. */
int squad_exact(const char *gold, size_t gold_bytes, const char *answer, size_t answer_bytes);
/* -1: memory is out. */
double squad_f1(const char *gold, size_t gold_bytes, const char *answer, size_t answer_bytes, int second_version);

#endif
