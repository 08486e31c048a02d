/* A file of answers that grows as they come, so that a run that was killed can go on behind the last whole one. */
#ifndef TERN_PARTS_H
#define TERN_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the answers in a file look like. */
enum parts_kind {
    PARTS_LINES,  /* a line each */
    PARTS_BLOCKS, /* lines, and an empty one behind them */
    PARTS_ROWS,   /* as many bytes each, behind a head */
};

struct parts_form {
    enum parts_kind kind;
    size_t row; /* bytes of PARTS_ROWS */
    int floats; /* 1: of PARTS_ROWS that are 32-bit floats, the row of a text that was refused begins with NaN */
    const void *head;
    size_t head_bytes, head_same; /* of the head the first bytes never change; the others may, with what follows */
};

struct parts {
    int fd; /* of the file; 0: none is open, and nothing below counts */
    const char *path;
    /* Answers that lie in the file; those of them that are the reason against a text; 1: the last one is. */
    size_t whole, refused, last_refused;
    int checking; /* the first answer of this run goes to `copy`, to be compared with `old` */
    int copy;
    char *old; /* the last whole answer, or the half one if there is no whole one */
    size_t old_bytes;
    off_t end; /* of the last whole answer */
};

/* From here on standard output is the file. With `resume` what lies in it stays, nothing else does; `inputs` are those
   of output_open. An exit code. */
int parts_open(struct parts *p, const char *path, int resume, const struct parts_form *form, const char *const *inputs);
/* How many texts need no answer: all but the last that has one, which is answered again, for the same model and options
   give the same bytes. */
size_t parts_done(const struct parts *p);
/* After each answer: the first one is compared with what lies in the file, which is left as it is unless they are the
   same. An exit code. */
int parts_answered(struct parts *p);
/* Ends the file; `code`, or why it failed. Safe on a zeroed struct. */
int parts_close(struct parts *p, int code);

#endif
