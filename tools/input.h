/* The bytes of a file or of standard input, record by record: what every reader of texts and of tables stands on. */
#ifndef TERN_INPUT_H
#define TERN_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of a record, or of a part of one. */
struct record_field {
    const char *text;
    size_t bytes;
};

/* A search for the end of the record that begins at bytes[0]: the place of its delimiter, or n when that has not come
   yet. *seen and *state are what an earlier call has found out; both are 0 for a new record. */
typedef size_t input_end(const char *bytes, size_t n, size_t *seen, int *state);
/* Of lines. */
size_t input_line_end(const char *bytes, size_t n, size_t *seen, int *state);
/* The state in which the end of the input leaves a record open: a quote without its other. So it is left where that
   does not come within so many bytes, which a pipe that never ends would fill memory with, and a line has ended. */
enum { INPUT_OPEN = 1, INPUT_MOST_OPEN = 1 << 24 };

struct input {
    int fd;
    const char *name; /* of the file in messages, NULL: standard input */
    int64_t size;     /* of a regular file, -1: nobody knows */
    int64_t taken;    /* bytes of it so far */
    size_t number;    /* of the last record, from 1 */
    size_t line;      /* in which it begins, from 1 */
    size_t lines;     /* ends of lines so far */
    char *buffer;
    size_t start, end, capacity, seen;
    int state, at_end, begun;
};

/* `path` may be -, standard input, which is called that only where `named`. An exit code. */
int input_open(struct input *in, const char *path, int named);
/* Safe on a struct whose fd is -1. */
void input_close(struct input *in);
/* 1 and the next record without its delimiter (and without the CR of CR LF), whose bytes stay valid until the next
   call; 0 at the end, which may stand for the last delimiter; or -1 with *code set and the line printed. A record that
   is open at the end, or for too long, is its first line alone, and the next begins behind that: one quote too many
   does not swallow all that follows. */
int input_next(struct input *in, input_end *end, struct record_field *out, int *code);
/* The first line, which stays to be taken: as input_next. */
int input_peek(struct input *in, struct record_field *out, int *code);
/* Whether input_next would answer at once. */
int input_ready(const struct input *in, input_end *end);

#endif
