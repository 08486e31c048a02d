/* What `tern search` found, as lines or as JSON. */
#ifndef TERN_SEARCH_PRINT_H
#define TERN_SEARCH_PRINT_H

#include "runtime/base/tern_search.h"

/* A passage that was found, with its text as the file has it now. */
struct search_result {
    const char *path; /* absolute, the index's */
    tern_passage passage;
    double score;
    char *text; /* [passage.bytes]; NULL: the file is not there any more, or is shorter */
};

struct search_print {
    int json, colour, many;            /* many: there are several queries, so that each is named */
    char *const *given, *const *roots; /* [n_roots] paths as the user wrote them, and the absolute ones that they are */
    int n_roots;
};

/* An exit code. */
int search_print(const struct search_print *p, const char *query, size_t query_bytes,
                 const struct search_result *results, size_t n);

#endif
