/* The files that commands write: one way for all. */
#ifndef TERN_OUTPUT_H
#define TERN_OUTPUT_H

#include "runtime/base/writer.h"

enum {
    OUTPUT_BINARY = 1, /* what is written is no text: a terminal is refused */
    OUTPUT_WHOLE = 2,  /* it is read again, or sought in; where that cannot be, it lies in TMPDIR or /tmp meanwhile */
};
/* Opens `path`, where - is standard output, for a command that reads `inputs` (up to a NULL) and perhaps standard
   input: a file that is one of them is refused. Prints why not and returns the exit code. */
int output_open(struct tern_writer *writer, const char *path, int flags, const char *const *inputs);
/* The part of that about inputs: CLI_OK, or why `path` must not be written to. */
int output_guard(const char *path, const char *const *inputs);
/* Puts the file into place, or prints why not and returns the exit code. */
int output_commit(struct tern_writer *writer);
/* Safe at any time, also on a zeroed struct. */
void output_discard(struct tern_writer *writer);
/* CLI_FAILED, with a line that has the reason, once the file takes no more. */
int output_written(struct tern_writer *writer);

#endif
