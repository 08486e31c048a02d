/* Lists of names in messages: "avx2, amx and scalar". */
#ifndef TERN_WORDS_H
#define TERN_WORDS_H

enum { TERN_WORDS_BYTES = 192 };
/* A value, so that a call can stand among the arguments of tern_fail: tern_words(names, 3, "and").text. */
struct tern_words {
    char text[TERN_WORDS_BYTES];
};

/* Joins n names by commas, the last two by the conjunction. What does not fit is cut. */
struct tern_words tern_words(const char *const *names, int n, const char *conjunction);

#endif
