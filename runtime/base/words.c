/* Joins names for messages, so that no message repeats a list by hand. */
#include "runtime/base/words.h"

#include <stdio.h>

struct tern_words tern_words(const char *const *names, int n, const char *conjunction)
{
    struct tern_words words = {""};
    int used = 0;
    for (int i = 0; i < n && used < TERN_WORDS_BYTES; i++) {
        const int is_last = i == n - 1;
        used += snprintf(words.text + used, (size_t)(TERN_WORDS_BYTES - used), i && is_last ? "%s%s %s" : "%s%s%s",
                         i ? is_last ? " " : ", " : "", i && is_last ? conjunction : "", names[i]);
    }
    return words;
}
