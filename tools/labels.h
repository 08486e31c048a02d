/* The labels that a user gives for his texts. */
#ifndef TERN_LABELS_H
#define TERN_LABELS_H

#include <stddef.h>

struct labels {
    char **list; /* [n] */
    size_t n;
    char *bytes;
};

/* "A,B,...", or "@FILE": its lines that are not blank. An exit code. */
int labels_read(struct labels *out, const char *given);
/* Safe on a zeroed struct. */
void labels_free(struct labels *labels);

#endif
