/* Files: a read-only mapping, a bounded read, and writing that never leaves half a file. Base layer. */
#ifndef TERN_FILE_H
#define TERN_FILE_H

#include "runtime/base/status.h"

#include <stdio.h>

/* A file mapped read-only. An empty file maps to {NULL, 0}. */
struct tern_mapping {
    const uint8_t *bytes;
    size_t size;
};

/* Maps `path` read-only and shared. TERN_IO when it is absent, not a regular file or cannot be mapped. */
tern_status tern_map_open(struct tern_mapping *out, const char *path, tern_error *err);
void tern_map_close(struct tern_mapping *mapping);

/* Reads the whole of a small text file into a fresh, zero-terminated buffer (free() it). A file over `limit` bytes is
   TERN_FORMAT. If the file is absent, *out is NULL and, with `optional`, the status is TERN_OK; else TERN_IO. */
tern_status tern_read_text(char **out, size_t *size, const char *path, size_t limit, int optional, tern_error *err);

/* "dir/name" into out[capacity]; TERN_FORMAT when it does not fit. */
tern_status tern_join_path(char *out, size_t capacity, const char *dir, const char *name, tern_error *err);
int tern_is_directory(const char *path);

/* Writing: open a temporary name beside `path`, write, then commit (fsync + rename) or discard (unlink). */
struct tern_writer {
    FILE *stream;
    char temporary[4096];
    char final[4096];
};
tern_status tern_writer_open(struct tern_writer *writer, const char *path, tern_error *err);
/* The temporary name beside `path`: attempt 0, unless a file of that name is there. It needs up to 40 bytes more. */
void tern_writer_name(char *out, size_t capacity, const char *path, unsigned attempt);
tern_status tern_writer_commit(struct tern_writer *writer, tern_error *err);
/* Safe to call at any time, also after commit or on a zeroed struct. */
void tern_writer_discard(struct tern_writer *writer);

#endif
