/* What several fuzz targets share: files in a folder that is removed at the end, and one input that is many files. */
#ifndef TESTS_FUZZ_FILES_H
#define TESTS_FUZZ_FILES_H

#include "runtime/base/tern.h"

/* Ends the process, so that the fuzzer keeps the input, unless `holds`. */
void fuzz_check(int holds);
/* A refusal has a status, and one line without an end. */
void fuzz_check_error(const tern_error *err, tern_status status);

/* This process's folder; it is empty at first. */
const char *fuzz_dir(void);
/* The number of files in a folder. */
int fuzz_count(const char *dir);
/* Messages of the command line are not for the fuzzer's terminal: they go to a pipe-like file of which this returns
   what was written since the last call, in buffer[capacity]. */
void fuzz_capture_begin(void);
size_t fuzz_capture_end(char *buffer, size_t capacity);

/* A part of an input: "=== NAME\n" at the begin of a line, then its bytes, up to the newline before the next such line.
 */
struct fuzz_part {
    char name[64];
    const uint8_t *bytes;
    size_t size;
};
/* The part at *at, which moves behind it; 0 when there is no more. What stands before the first part is skipped. */
int fuzz_next_part(struct fuzz_part *part, const uint8_t **at, const uint8_t *end);
/* Makes `dir` an empty folder: one input must not see the folders of another. */
void fuzz_begin(const char *dir);
/* Makes it a folder of the parts that are named in `names`, a list with NULL at its end. */
void fuzz_write_parts(const char *dir, const char *const *names, const uint8_t *data, size_t size);
/* The bytes of the part of that name; NULL when there is none. */
const uint8_t *fuzz_find_part(const char *name, const uint8_t *data, size_t size, size_t *bytes);

/* A length from 0 to `whole` out of three bytes: counted from the begin or, with the highest bit, from the end. */
size_t fuzz_length(const uint8_t *bytes, size_t whole);

#endif
