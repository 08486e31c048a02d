/* The vectors that `tern embed` writes, one for each text: in which numbers, and in which format. */
#ifndef TERN_EMBED_ROWS_H
#define TERN_EMBED_ROWS_H

#include "tools/arrow.h"
#include "tools/npy.h"
#include "tools/output.h"
#include "tools/precision.h"
#include "tools/runner.h"

enum rows_format {
    ROWS_LINES,
    ROWS_JSON,
    ROWS_RAW, /* the numbers, one after the other */
    ROWS_NPY,
    ROWS_ARROW,
    ROWS_SQL, /* of sqlite-vec */
    N_ROWS_FORMATS
};
/* What --format calls those of files: NULL: it does not. */
extern const char *const rows_format_names[N_ROWS_FORMATS];
/* Whether files of that format are no text. */
int rows_are_binary(enum rows_format format);

struct rows {
    enum rows_format format;
    struct rounding rounding;
    /* The file is the writer's until it is whole; with --resume it is standard output, which then grows in place. */
    struct tern_writer writer;
    FILE *out;
    size_t n;  /* rows written */
    void *row; /* a rounded vector */
    struct arrow arrow;
    /* Where ranges are those of all vectors, these wait with their texts until the last one is there. */
    char *kept;
    size_t kept_bytes, kept_room;
};

/* The caller sets format, rounding and out. Each returns an exit code. */
int rows_begin(struct rows *r);
/* For runner_all, whose context is a struct rows. */
int rows_print(void *context, const struct text *text, const tern_answer *answer);
int rows_refused(void *context);
int rows_end(struct rows *r);
/* Of --resume: the head of a file of NumPy's for so many rows. */
void rows_npy_header(const struct rows *r, char header[NPY_HEADER + 1]);
int rows_write_npy_header(struct rows *r);
void rows_free(struct rows *r);

#endif
