/* The user's cache folder: $XDG_CACHE_HOME/tern, else ~/.cache/tern. */
#ifndef TERN_CACHE_FOLDER_H
#define TERN_CACHE_FOLDER_H

#include <stddef.h>

/* The path of a file in it: 0, or -1 when there is no such folder or the path is too long. */
int cache_path(char *out, size_t capacity, const char *name);
/* An exit code, with a line that says what has no place. */
int cache_make_folders(const char *what);

#endif
