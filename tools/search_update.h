/* The index of `tern search`, kept up to date with the files. */
#ifndef TERN_SEARCH_UPDATE_H
#define TERN_SEARCH_UPDATE_H

#include "tools/search_split.h"
#include "tools/search_walk.h"

/* What an update needs; it belongs to the caller. The session has the prompt of passages set. */
struct search_update {
    const char *index_path, *model_path;
    tern_session *session;
    struct splitter splitter;
    const struct found_files *files;
    uint64_t model, settings; /* see tern_index_info */
};

/* Opens the index at index_path with the passages of all files, embedding those that are new or have changed. What is
   there and was made otherwise, or is damaged, is made anew, with a line that says so. An exit code, with a line. */
int search_update(tern_index **out, struct search_update *u);

#endif
