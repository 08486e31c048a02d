/* How far a command's texts are: a line on a terminal while it works, and one at the end. */
#ifndef TERN_PROGRESS_H
#define TERN_PROGRESS_H

#include <stddef.h>

struct progress {
    double start, drawn; /* milliseconds; start 0: nothing was begun */
    double from;         /* the part that an earlier run had done */
    size_t texts, tokens;
    int draws;
};

/* `from` is of 1. Draws only on a terminal that takes it, and not where results go to a terminal. */
void progress_begin(struct progress *p, double from);
/* After each text; 0 tokens: nobody counted them; `part` of all has been done then, negative: nobody knows. */
void progress_step(struct progress *p, size_t tokens, double part);
/* Erases the line and, if `said` or where progress was drawn, prints what was done and how fast. */
void progress_end(struct progress *p, int said);

#endif
