/* The files that `tern search` looks into. */
#ifndef TERN_SEARCH_WALK_H
#define TERN_SEARCH_WALK_H

#include <stddef.h>
#include <stdint.h>

struct found_file {
    char *path;       /* absolute */
    int64_t modified; /* nanoseconds since 1970 */
    uint64_t bytes;
};

/* Sorted by path, each once. */
struct found_files {
    struct found_file *at;
    size_t n, capacity;
};

/* The regular files at and under paths[n], which are absolute. In folders, hidden files and folders and symbolic links
   are left out, which also ends loops; and what does not match `include` or does match `exclude`. These are lists of
   patterns with commas between them, or NULL: of fnmatch(3), on a name or, with a slash in them, on the path below the
   given one; `exclude` counts for folders, too. An exit code, with a line. */
int search_walk(struct found_files *out, char *const *paths, int n, const char *include, const char *exclude);
void search_walk_free(struct found_files *files);

#endif
